"""The record of an upload: what was proved of an archive at the remote, how and when, and whether it was cleaned."""

from typing import Any, Literal

import msgspec

from common.core.rows.names import ARCHIVE_SUFFIX

SCHEMA_VERSION = 1
UPLOADS_FOLDER = "uploads"
RECORD_SUFFIX = ".upload.json"

Proof = Literal["read_back", "remote_hash"]


class UploadRecord(msgspec.Struct, frozen=True):
    """One archive (or ledger) that was proved equal at the remote. `path` is below the data root, with `/`.

    `remote` is the remote with its folder, `remote_path` the whole place. `proof` says how: `read_back` means
    that the remote's bytes were read again and give `sha256`; `remote_hash` that the store's own hash is the
    file's; `none` that it was deleted here without a proof, because `retention.only_proved` is off. `sidecar` is
    the archive's sidecar as it was uploaded beside it, None of a ledger: when both are cleaned here, this is what
    is still known, and `cleaned_because` the setting that wanted it.
    """

    schema_version: int
    path: str
    remote: str
    remote_path: str
    bytes: int
    sha256: str
    proof: Proof | Literal["none"]
    verified_at_utc: str
    sidecar_sha256: str = ""
    sidecar: dict[str, Any] | None = None
    cleaned_at_utc: str | None = None
    cleaned_because: str | None = None
    program_version: str = ""

    @property
    def is_archive(self) -> bool:
        """Whether it is about an archive; else it is about a ledger."""
        return self.path.endswith(ARCHIVE_SUFFIX)

    def holds_for(self, remote: str, verify: Proof) -> bool:
        """Whether nothing more is to be proved: the same remote, and a proof not weaker than asked for."""
        if self.proof == "none":
            return False
        return self.remote == remote and (self.proof == "read_back" or verify == "remote_hash")


def record_path(path: str) -> str:
    """Where the record of an archive lies below the data root."""
    return f"{UPLOADS_FOLDER}/{path}{RECORD_SUFFIX}"


def remote_place(remote: str, path: str) -> str:
    """The whole place of a file: `store:bucket/prefix` and `a/b` give `store:bucket/prefix/a/b`."""
    return f"{remote}{path}" if remote.endswith((":", "/")) else f"{remote}/{path}"
