"""Whether the run that a process belongs to is still the one in the run's folder."""

import os
from pathlib import Path

import msgspec

from common.files import version_of


class _Run(msgspec.Struct):
    run_id: str


class RunWatch:
    """Follows the assignment's file, which the supervisor of a later run replaces by its own."""

    def __init__(self, path: Path, run_id: str, *, supervisor: int) -> None:
        self._path, self._run_id, self._supervisor = path, run_id, supervisor
        self._version: tuple[int, int] | None = None

    def superseded(self) -> bool:
        """Whether another run has begun in the folder: what is told there is its, not ours.

        A folder that is gone belongs to nobody as long as our supervisor lives, which makes it again.
        """
        try:
            version = version_of(self._path)
            if version is not None and version == self._version:
                return False
            run_id = msgspec.json.decode(self._path.read_bytes(), type=_Run).run_id
        except FileNotFoundError:
            return os.getppid() != self._supervisor
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return False  # nobody can tell
        if run_id == self._run_id:
            self._version = version
        return run_id != self._run_id
