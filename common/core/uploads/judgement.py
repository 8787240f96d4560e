"""What became of each parcel: how the remote's hashes are judged, and the words for it."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from common.core.rows.names import ARCHIVE_SUFFIX
from common.core.uploads.record import Proof

Kind = Literal["verified", "cleaned", "failed", "alarm", "away"]


class UploadEvent(msgspec.Struct, frozen=True):
    """Something that happened to a parcel; `away` is about the remote as a whole, its path is empty."""

    kind: Kind
    path: str
    words: str
    bytes: int = 0

    @property
    def is_archive(self) -> bool:
        """Whether it is about an archive."""
        return self.path.endswith(ARCHIVE_SUFFIX)


class Expected(msgspec.Struct, frozen=True):
    """A file as it must be at the remote."""

    path: str
    sha256: str


class Verdict(msgspec.Struct, frozen=True):
    """How it was proved that the remote holds a parcel, if it was.

    `other` says that it holds other bytes, which only an operator can end, `gone` that it has not got it. Without
    either it could not be read this time.
    """

    proof: Proof | None
    other: bool = False
    gone: bool = False
    words: str = ""


def judge(
    files: Sequence[Expected],
    found: Mapping[str, str],
    failed: Mapping[str, str],
    proof: Proof,
    *,
    whole: bool,
) -> Verdict:
    """Every file's sha256, read back, must be the expected one.

    `failed` says why one could not be read, by path; only if the reading was `whole` is one without a word gone.
    """
    for file in files:
        given = found.get(file.path)
        if given is not None and given != file.sha256:
            words = f"{file.path}: the remote gives other bytes (sha256 {given[:16]}..., not {file.sha256[:16]}...)"
            return Verdict(None, other=True, words=f"{words}; {OTHER_BYTES}")
    for file in files:
        if file.path not in found:
            reason = failed.get(file.path, "it is not there")
            gone = whole and file.path not in failed
            return Verdict(None, gone=gone, words=f"{file.path}: cannot be read back: {reason}")
    return Verdict(proof)


OTHER_BYTES = "nothing is overwritten or deleted; see which of the two is right, and move the other one away"


def conflict_words(path: str) -> str:
    """For one that exists at the remote with other bytes, as rclone found before it copied anything."""
    return f"{path}: exists at the remote with other bytes; {OTHER_BYTES}"
