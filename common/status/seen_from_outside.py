"""What a command can know of a recorder from outside: its run manifest, and whether it lives."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.status.view import Liveness
from common.errors import RecorderError
from common.polymarket.gamma.discovery_file import latest_discovery
from common.runtime.command_line.asking import running_recorder
from common.runtime.run.details import last_error
from common.runtime.run.facts import read_facts
from common.runtime.run.run_dir import ASSIGNMENT, STATUS_FILE
from common.status.old_manifests import LATEST_MANIFEST

STALE_MANIFEST_S = 15.0


class Status(msgspec.Struct, frozen=True):
    """The run manifest as it stands on disk, and what is known beside it."""

    manifest: dict[str, Any]
    liveness: Liveness


def read_status(data_root: Path, run_dir: Path) -> Status:
    """The newest run manifest of a data root. Raises RecorderError where no recorder ever wrote one.

    A running recorder that cannot write to its data root keeps one in the run's folder.
    """
    path = data_root / LATEST_MANIFEST
    running = running_recorder(run_dir) is not None
    beside = _manifest_at(run_dir / STATUS_FILE) if running else None
    manifest = _manifest_at(path)
    if beside is not None and (manifest is None or beside["updated_at_utc"] > manifest["updated_at_utc"]):
        words = f"from {run_dir / STATUS_FILE}: {path} cannot be written"
        return Status(beside, _liveness(beside, data_root, run_dir, words))
    if manifest is not None:
        return Status(manifest, _liveness(manifest, data_root, run_dir))
    if path.exists():
        raise RecorderError(f"{path}: cannot be read; delete it, and the recorder writes another")
    if running:
        raise RecorderError(f"a recorder has begun on data root {data_root}; ask again soon")
    raise RecorderError(
        f"no recorder runs on data root {data_root}, and none has: no {path}; say --data-root of one that runs"
    )


def _manifest_at(path: Path) -> dict[str, Any] | None:
    try:
        document: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    return document


def _liveness(manifest: dict[str, Any], data_root: Path, run_dir: Path, source: str = "") -> Liveness:
    """`source` is said of a recorder that runs, unless there is something worse to say."""
    now_ns = time.time_ns()
    recorder = running_recorder(run_dir)
    if recorder is None:
        words = f"not running, last state {manifest['state']} at {manifest['updated_at_utc']}"
    else:
        words = _running_words(manifest, run_dir, now_ns) or source
    return Liveness(
        running=recorder is not None,
        pid=None if recorder is None else recorder.pid,
        words=words,
        discovery_age_s=_discovery_age_s(data_root, now_ns),
        errors=tuple(_last_errors(run_dir)) if recorder is not None else (),
    )


def _running_words(manifest: dict[str, Any], run_dir: Path, now_ns: int) -> str:
    age_s = (now_ns - parse_utc_ns(manifest["updated_at_utc"])) / NS_PER_SECOND
    try:
        run_id = msgspec.json.decode((run_dir / ASSIGNMENT).read_bytes())["run_id"]
    except (OSError, msgspec.DecodeError):
        run_id = manifest["run_id"]
    if run_id != manifest["run_id"]:
        return f"run {run_id} has written no manifest yet; shown is an earlier run"
    return f"running, but its manifest is {age_s:.0f} s old" if age_s > STALE_MANIFEST_S else ""


def _discovery_age_s(data_root: Path, now_ns: int) -> float | None:
    found = latest_discovery(data_root)
    return None if found is None else (now_ns - parse_utc_ns(found.discovered_at_utc)) / NS_PER_SECOND


def _last_errors(run_dir: Path) -> Iterator[tuple[str, str]]:
    for name, facts in read_facts(run_dir).items():
        if error := last_error(facts.details):
            yield name, error
