"""What each process says of itself: one small file in tmpfs, replaced about twice a second.

It is heartbeat, counters and details in one; `details.py` has the details of each kind of process. A reader may die and
come back without losing anything, and so may the process: its counters go on from its last file.
"""

import logging
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Generic, TypeVar, cast

import msgspec

from common.core.counters import CounterName, CounterPart
from common.core.format_version import newer_than_known
from common.core.problems import Problem
from common.files import replace, version_of
from common.runtime.clock import CLOCK, Clock
from common.runtime.run.details import NOTHING, Details, details_of

FACTS_FORMAT = 1

log = logging.getLogger(__name__)


D = TypeVar("D")


class _Facts(msgspec.Struct, Generic[D], frozen=True):
    """One process's account of itself. The type of `details` goes by the kind of process.

    `failure` is why a life of this process ended last in this run, empty if none did, and `failed_at_ns` when.
    """

    name: str
    pid: int
    updated_at_ns: int
    updated_monotonic_ns: int
    counters: dict[str, int]
    event_types: dict[str, int]
    details: D
    problems: tuple[Problem, ...] = ()
    failure: str = ""
    failed_at_ns: int = 0
    format_version: int = FACTS_FORMAT


Facts = _Facts[Details]


def write_facts(run_dir: Path, facts: Facts) -> str:
    """Replace the process's file; gives why that cannot be done, empty if it was.

    For want of room, or because the run's folder is gone, the older facts stay: nobody stops recording because nobody
    can be told. Not synced: it does not outlive the machine, and need not.
    """
    try:
        replace(_facts_path(run_dir, facts.name), msgspec.json.encode(facts))
    except OSError as error:
        return error.strerror or str(error)
    return ""


def no_facts(name: str, clock: Clock) -> Facts:
    """Those of this process before it has begun its work."""
    return Facts(name, os.getpid(), clock.wall_ns(), clock.monotonic_ns(), {}, {}, NOTHING)


def note_failure(run_dir: Path, name: str, reason: str, now_ns: int) -> None:
    """State why a life of this process ends; its facts stay as they were. The next life carries it on."""
    before = last_facts(run_dir, name) or no_facts(name, CLOCK)
    write_facts(run_dir, msgspec.structs.replace(before, failure=reason, failed_at_ns=now_ns))


def read_facts(run_dir: Path) -> dict[str, Facts]:
    """The newest facts of every process that ever wrote some in this run, by name."""
    paths = sorted((run_dir / "facts").glob("*.json"))
    found = {path.stem: _read(path) for path in paths}
    return {name: facts for name, facts in found.items() if facts is not None}


def last_facts(run_dir: Path, name: str) -> Facts | None:
    """What the process of this name said last, None if there was none in this run."""
    return _read(_facts_path(run_dir, name))


def last_details(run_dir: Path, name: str, kind: type[D]) -> D | None:
    """The details of the process of this name, which is of that kind; None if it has given none in this run."""
    facts = last_facts(run_dir, name)
    return facts.details if facts is not None and isinstance(facts.details, kind) else None


def details_of_kind(facts: Mapping[str, Facts], kind: type[D]) -> dict[str, D]:
    """The details of all processes of that kind that have begun their work, by name."""
    return {name: each.details for name, each in facts.items() if isinstance(each.details, kind)}


def details_of_one(facts: Mapping[str, Facts], kind: type[D]) -> D | None:
    """The details of the one process of that kind, None if it has not begun its work."""
    return next(iter(details_of_kind(facts, kind).values()), None)


def _read(path: Path) -> Facts | None:
    """None for facts that are not there, or that a full disk or a crash left damaged: the next ones replace them.

    Those of a newer version are none either. They must not end a recording: what counts is not in them.
    """
    try:
        document = path.read_bytes()
        facts = msgspec.json.decode(document, type=_Facts[msgspec.Raw])
        if facts.format_version > FACTS_FORMAT:
            reason = newer_than_known(document, known=FACTS_FORMAT, what=str(path))
            log.error("facts of a newer version are not used", extra={"reason": reason})
            return None
        details = details_of(path.stem, bytes(facts.details))
        return cast("Facts", msgspec.structs.replace(facts, details=details))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _facts_path(run_dir: Path, name: str) -> Path:
    return run_dir / "facts" / f"{name}.json"


class FactsFollower:
    """One process's facts, read again when they were replaced."""

    def __init__(self, run_dir: Path, name: str) -> None:
        self._run_dir, self._name = run_dir, name
        self._seen: tuple[int, int] | None = None

    def replaced(self) -> Facts | None:
        """The facts, if they are others than at the last call; None if not, or if there are none."""
        seen = version_of(_facts_path(self._run_dir, self._name))
        if seen is None or seen == self._seen:
            return None
        self._seen = seen
        return last_facts(self._run_dir, self._name)


class Tally:
    """Counters of one process, by name, going on from where its predecessor in the run stopped."""

    def __init__(self, before: Facts | None) -> None:
        self.counters = Counter(before.counters if before else {})
        self.event_types = Counter(before.event_types if before else {})

    def add(self, name: CounterName | CounterPart, amount: int = 1) -> None:
        """Count."""
        self.counters[name] += amount
