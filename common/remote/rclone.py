"""rclone as the recorder uses it: copy files to the remote without ever overwriting, and hash what is there."""

import contextlib
import os
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from common.core.uploads.record import remote_place
from common.errors import RemoteError
from common.remote.call import Call
from common.remote.log_lines import Patience, Told, read_log, retry_after_s
from common.remote.program import answer, check_version, environment_for_rclone, find_rclone
from common.remote.secrets import without_secrets
from common.remote.store_hashes import ONE_PIECE, ONE_PIECE_BYTES, store_computes_md5

LIMIT_S = 900.0  # for one call, and so much more as its bytes need at this rate
LEAST_BYTES_PER_S = 32 << 10
TOLD_EVERY = "5s"  # the caller may be gone: writing to nobody ends it

_ALWAYS = ("--files-from-raw", "-", "--no-traverse", "--retries", "1", "--ask-password=false")
_LOG = ("--use-json-log", "--log-level", "INFO", "--stats", TOLD_EVERY)
NO_SUCH_FOLDER = 3  # rclone's exit code
SHA256_DIGITS, MD5_DIGITS = 64, 32


class TookTooLong(RemoteError):
    """A call was ended because it did not come to an end; nobody knows which file was the cause."""


class Hashes(msgspec.Struct, frozen=True):
    """Hex digests by path; a file that is not there has none. `told` has what went wrong, if it is not `whole`."""

    found: dict[str, str]
    told: Told
    whole: bool


class Rclone:
    """One remote. Every call starts the program once, with a bound in time; secrets go by its environment only.

    `held` are descriptors that it keeps open: a lock in it holds as long as the program runs, also when its caller
    was killed.
    """

    def __init__(
        self,
        program: str,
        remote: str,
        *,
        environment: Mapping[str, str],
        held: Sequence[int] = (),
        limit_s: float = LIMIT_S,
    ) -> None:
        self.remote = remote
        self._program_name = program
        self._environment = environment_for_rclone(environment)
        self._held, self._limit_s = tuple(held), limit_s
        self._program: Path | None = None
        self._call: Call | None = None
        self._interrupted = threading.Event()
        self._store_computes: bool | None = None

    def check(self) -> None:
        """Find the program and see that it will do, once. Raises RemoteError."""
        if self._program is None:
            program = find_rclone(self._program_name)
            check_version(program, self._environment)
            self._program = program

    def copy(self, folder: Path, paths: Sequence[str], size: int) -> Told:
        """Copy files below `folder` to the same paths at the remote; what is there with other bytes stays.

        `size` are their bytes in all. The caller proves what arrived: rclone would take a store whose ETag is not an
        MD5 for one that spoils. Raises RemoteError where nothing can be said of the single files.
        """
        arguments = ("copy", *_ALWAYS, "--checksum", "--ignore-checksum", "--immutable", *ONE_PIECE, *_LOG)
        code, _, told = self._run(arguments, (str(folder), self._root), paths, size)
        if code and not told.failed:
            raise self._error(code, told)
        return told

    def hashes(self, paths: Sequence[str], size: int) -> Hashes:
        """The sha256 of files at the remote, of their bytes, which are read back for it. `size` as in `copy`.

        Raises RemoteError.
        """
        if not paths:
            return Hashes({}, Told({}, set(), set(), ""), whole=True)
        self._sync_local(paths)
        arguments = ("hashsum", "sha256", "--download", *_ALWAYS, *_LOG)
        code, out, told = self._run(arguments, (self._root,), paths, size)
        found = dict(_hash_lines(out, SHA256_DIGITS))
        if code and not told.failed and not found:
            raise self._error(code, told)
        return Hashes(found, told, whole=code == 0)

    def size_of(self, path: str) -> int | None:
        """The bytes of a file at the remote, None if it is not there. Raises RemoteError."""
        arguments = ("lsf", "--format", "s", "--files-only", "-R", *_ALWAYS, *_LOG)
        code, out, told = self._run(arguments, (self._root,), [path], 0)
        if code:
            raise self._error(code, told)
        return int(out) if out.strip() else None

    def folders(self, below: str) -> list[str]:
        """Sorted names of the folders in a folder of the remote; none where it is not there. Raises RemoteError."""
        return sorted(line.rstrip("/") for line in self._listed(below, "--dirs-only", "--max-depth", "1"))

    def files(self, below: str) -> dict[str, int]:
        """Every file below a folder of the remote by its path from the root, with its bytes. Raises RemoteError."""
        lines = self._listed(below, "--files-only", "-R", "--format", "sp", "--separator", "\t")
        found = (line.partition("\t") for line in lines)
        return {f"{below}/{name}" if below else name: int(size) for size, _, name in found}

    def _listed(self, below: str, *how: str) -> list[str]:
        arguments = ("lsf", *how, "--retries", "1", "--ask-password=false", *_LOG)
        code, out, told = self._run(arguments, (remote_place(self.remote, below),), [], 0)
        if code == NO_SUCH_FOLDER:
            return []
        if code:
            raise self._error(code, told)
        return [line for line in out.decode(errors="replace").split("\n") if line]

    def fetch(self, paths: Sequence[str], size: int, folder: Path) -> Told:
        """Copy files of the remote to the same paths below `folder`. `size` and errors as in `copy`."""
        code, _, told = self._run(
            ("copy", *_ALWAYS, "--checksum", *_LOG), (self._root, str(folder)), paths, size
        )
        if code and not told.failed:
            raise self._error(code, told)
        return told

    def delete(self, path: str) -> None:
        """Delete one file at the remote. Raises RemoteError."""
        arguments = ("deletefile", "--retries", "1", "--ask-password=false", *_LOG)
        code, _, told = self._run(arguments, (remote_place(self.remote, path),), [], 0)
        if code:
            raise self._error(code, told)

    def stored_md5(self, sizes: Mapping[str, int]) -> dict[str, str]:
        """The md5 that the store itself computed, of those files of which it did; `sizes` are in bytes.

        Raises RemoteError.
        """
        self.check()
        assert self._program is not None
        if self._store_computes is None:
            self._store_computes = store_computes_md5(self._program, self._environment, self.remote)
        asked = [path for path, size in sizes.items() if size < ONE_PIECE_BYTES]
        if not asked or not self._store_computes:
            return {}
        _, out, _ = self._run(("hashsum", "md5", *_ALWAYS, *_LOG), (self._root,), asked, 0)
        return dict(_hash_lines(out, MD5_DIGITS))

    def retry_after_s(self) -> float:
        """How long the store wants to be left alone, in seconds, asked once more for nothing but that."""
        self.check()
        assert self._program is not None
        environment = {**self._environment, "RCLONE_LOW_LEVEL_RETRIES": "1"}
        asked = ("lsf", "--max-depth", "1", "--retries", "1", "-vv", "--dump", "headers", "--", self._root)
        return retry_after_s(answer(self._program, environment, *asked, log=True), time.time())

    def _sync_local(self, paths: Sequence[str]) -> None:
        """A remote that is a folder of this machine: what is read back must be on its disk, not in its cache."""
        if not self.remote.startswith("/"):
            return
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                for each in (Path(self.remote, path), Path(self.remote, path).parent):
                    descriptor = os.open(each, os.O_RDONLY)
                    try:
                        os.fsync(descriptor)
                    finally:
                        os.close(descriptor)

    def interrupt(self) -> None:
        """End what runs, from another thread, and start nothing more."""
        self._interrupted.set()
        if (call := self._call) is not None:
            call.interrupt()

    @property
    def _root(self) -> str:
        """With a slash, or else a file of this name would be looked for first."""
        return remote_place(self.remote, "")

    def _run(
        self, arguments: Sequence[str], places: Sequence[str], paths: Sequence[str], size: int
    ) -> tuple[int, bytes, Told]:
        self.check()
        if self._interrupted.is_set():
            raise RemoteError("was asked to stop")
        limit_s = self._limit_s + size / LEAST_BYTES_PER_S
        try:
            call = Call(
                [str(self._program), *arguments, "--", *places],
                environment=self._environment,
                held=self._held,
                hopeless=Patience(paths).is_over,
            )
        except OSError as error:
            raise RemoteError(f"rclone cannot be started: {error.strerror}") from error
        self._call = call
        if self._interrupted.is_set():
            call.interrupt()  # asked before it could be told
        try:
            ended = call.finish("".join(f"{path}\n" for path in paths).encode(), limit_s)
        except TimeoutError as error:
            words = f"rclone {arguments[0]} took longer than {limit_s:,.0f} s and was ended"
            raise TookTooLong(words) from error
        finally:
            self._call = None
        told = self._hide(read_log(ended.log, paths))
        if ended.gave_up:
            raise RemoteError(list(told.failed.values())[-1])
        return ended.code, ended.out, told

    def _hide(self, told: Told) -> Told:
        failed = {path: without_secrets(words, self._environment) for path, words in told.failed.items()}
        return msgspec.structs.replace(
            told, failed=failed, words=without_secrets(told.words, self._environment)
        )

    def _error(self, code: int, told: Told) -> RemoteError:
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        return RemoteError(f"rclone {ended}: {told.words or 'it gave no reason'}")


def _hash_lines(out: bytes, digits: int) -> list[tuple[str, str]]:
    """Path and hash of each line `<hash>  <path>`; where there is none, the line has blanks or words instead."""
    found = []
    for line in out.decode(errors="replace").split("\n"):
        digest, blanks, path = line[:digits], line[digits : digits + 2], line[digits + 2 :]
        if blanks == "  " and set(digest) <= set("0123456789abcdef"):
            found.append((path, digest))
    return found
