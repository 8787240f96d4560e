"""Parcels on their way to the remote, and what is there of them."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from common.core.rows.names import RUNTIME_FOLDER
from common.core.uploads.judgement import Expected, Verdict, conflict_words, judge
from common.core.uploads.record import Proof
from common.errors import ArchiveError, RemoteError
from common.files import DISK, write_atomically
from common.remote.log_lines import Told
from common.remote.rclone import Rclone
from common.uploads.begun import Begun
from common.uploads.sealed import Sealed, SealedFile, begins_with

MARK = ".upload-mark-"


class Failure(msgspec.Struct, frozen=True):
    """Why a parcel was not copied; `for_good` if only an operator can change that."""

    words: str
    for_good: bool


class AtRemote:
    """One data root's files at one remote. RemoteError of any call is about the remote, not about one parcel."""

    def __init__(self, data_root: Path, remote: Rclone) -> None:
        self._root, self._remote = data_root, remote
        self._begun = Begun(data_root)
        self._just_copied: set[str] = set()
        self._is_elsewhere = False

    def see_that_it_is_elsewhere(self) -> None:
        """A remote that leads back to the data root proves every file by itself, and would lose it."""
        if self._is_elsewhere:
            return
        for left in (self._root / RUNTIME_FOLDER).glob(f"{MARK}*"):
            DISK.remove(left)  # by one that was killed here
        mark = f"{RUNTIME_FOLDER}/{MARK}{os.urandom(6).hex()}"
        write_atomically(self._root / mark, b"")
        try:
            hashes = self._remote.hashes([mark], 0)
        finally:
            DISK.remove(self._root / mark)
        if hashes.found:
            raise RemoteError(
                f"upload.remote: {self._remote.remote} is the data root itself; nothing is deleted"
            )
        if hashes.told.failed:
            raise RemoteError(hashes.told.failed[mark])
        self._is_elsewhere = True

    def copy(self, sealed: Sequence[Sealed]) -> dict[str, Failure]:
        """Archives first, then the sidecars of those that went; gives by parcel why it did not."""
        self._just_copied = set()
        failures = self._copy({each.files[0]: each.path for each in sealed})
        beside = {file: each.path for each in sealed if each.path not in failures for file in each.files[1:]}
        return failures | self._copy(beside)

    def _copy(self, owners: Mapping[SealedFile, str]) -> dict[str, Failure]:
        """Copy files, each of which belongs to a parcel."""
        if not owners:
            return {}
        maybe_torn = [file for file in owners if file.path in self._begun]
        told = self._copy_once(owners)
        torn = [file for file in maybe_torn if file.path in told.conflicts and self._remove_torn(file.path)]
        if torn:
            for file in torn:
                del told.failed[file.path]
            told.failed.update(self._copy_once(torn).failed)
        for path in self._same_there(
            [file for file in owners if file.path in told.conflicts & told.failed.keys()]
        ):
            del told.failed[path]
        if len(told.failed) == len(owners) and not told.conflicts:
            raise RemoteError(next(iter(told.failed.values())))  # not one went: nobody's own fault
        return {
            owner: Failure(conflict_words(file.path), for_good=True)
            if file.path in told.conflicts
            else Failure(f"{file.path}: {told.failed[file.path]}", for_good=False)
            for file, owner in owners.items()
            if file.path in told.failed
        }

    def _same_there(self, files: Sequence[SealedFile]) -> list[str]:
        """Those of which the remote has our bytes already, whatever hash the store names."""
        found = self._remote.hashes([file.path for file in files], sum(file.bytes for file in files)).found
        same = [file.path for file in files if found.get(file.path) == file.sha256]
        self._begun.end(same)
        return same

    def _copy_once(self, files: Collection[SealedFile]) -> Told:
        paths = [file.path for file in files]
        new = {path for path in paths if path not in self._begun}
        self._begun.begin(paths)
        told = self._remote.copy(self._root, paths, sum(file.bytes for file in files))
        not_sent = told.conflicts & new
        self._begun.end([path for path in paths if path not in told.failed or path in not_sent])
        self._just_copied |= told.copied
        return told

    def _remove_torn(self, path: str) -> bool:
        """Remove what an upload of ours, that was cut off, has left of a file: the beginning of it, and no more."""
        size = self._remote.size_of(path)
        there = self._remote.hashes([path], size or 0).found.get(path)
        try:
            if size is None or there is None or not begins_with(self._root, path, size, there):
                return False
        except (ArchiveError, FileNotFoundError):
            return False
        self._remote.delete(path)
        return True

    def judge(self, sealed: Sequence[Sealed], verify: Proof) -> Iterator[tuple[Sealed, Verdict]]:
        """Compare each with what is there, read back or, where that may be, by the store's own hash."""
        if not sealed:
            return
        files = [file for each in sealed for file in each.files]
        confirmed = self._confirmed_by_the_store(files) if verify == "remote_hash" else set()
        rest = [file for file in files if file.path not in confirmed]
        hashes = self._remote.hashes([file.path for file in rest], sum(file.bytes for file in rest))
        if rest and not hashes.found and hashes.told.failed:
            raise RemoteError(next(iter(hashes.told.failed.values())))
        for each in sealed:
            expected = [Expected(file.path, file.sha256) for file in each.files if file.path not in confirmed]
            proof: Proof = "read_back" if len(expected) == len(each.files) else "remote_hash"
            yield each, judge(expected, hashes.found, hashes.told.failed, proof, whole=hashes.whole)

    def _confirmed_by_the_store(self, files: Sequence[SealedFile]) -> set[str]:
        """Files that were copied just now, in one piece, to a store that computes hashes itself, and give ours."""
        asked = {file.path: file for file in files if file.path in self._just_copied}
        found = self._remote.stored_md5({path: file.bytes for path, file in asked.items()})
        return {path for path, file in asked.items() if found.get(path) == file.md5}
