"""Writes the ledger of each archive window when the window is over and all of it is in closed archives.

Everything is computed from closed archives, so this process may die at any time. It works in the background at
low priority; nobody waits for it.
"""

import logging
import os
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from common.archive.hour_folders import archives_since, newest_ledger, newest_windows
from common.archive.hours import hour_archive, note_closed, note_open
from common.archive.journal import JournalLine, read_journals
from common.archive.ledger import FIRST_WINDOWS, compute_ledgers, windows_due, write_ledger
from common.archive.upload_records import has_left, was_uploaded
from common.core.counters import LEDGERS, part
from common.core.ledger.document import AnyLedger, Window
from common.core.ledger.later import Later
from common.core.ledger.token_seconds import counted_token_time
from common.core.ledger.union_today import UnionToday, counted, legs_of
from common.core.rows.names import BOOK_STREAMS, WS_RAW, stream_of, window_start_of
from common.errors import ArchiveError
from common.locks import is_locked
from common.queue.outbox_files import Identity
from common.runtime.background import BackgroundCall
from common.runtime.process import Runtime, main
from common.runtime.run.details import LedgerKeeperDetails, LedgerShown, ProducerDetails
from common.runtime.run.facts import details_of_kind, last_details, read_facts

LOOK_NS = 2_000_000_000
GRACE_NS = 1_000_000_000  # behind a window's end: its producers turn to the next one within a step
PATIENCE_NS = 60_000_000_000  # for processes of an earlier run to be started again
NICENESS = 19  # it may take as long as it takes
RECENT = 24

log = logging.getLogger("ledger")


class LedgerKeeper:
    """Looks every two seconds which windows are over; one is accounted for at a time."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._interval_ns = runtime.settings.writer.rotation_interval_seconds * 1_000_000_000
        self._began_ns = runtime.clock.monotonic_ns()
        self._next_look_ns = 0
        self._call: BackgroundCall[list[AnyLedger]] | None = None
        before = last_details(runtime.run_dir, runtime.name, LedgerKeeperDetails)
        self._recent = deque(before.ledgers if before else (), maxlen=RECENT)
        self._union_today = before.union_today if before else UnionToday()
        self._stopping = False
        os.nice(NICENESS)

    def step(self, timeout_s: float) -> bool:
        """Begin a look when it is time, take what it gave. False as soon as asked to stop."""
        now = self._runtime.clock.monotonic_ns()
        if self._stopping:
            return False
        if self._call is not None and self._call.done:
            self._take(self._call, now)
        elif self._call is None and now >= self._next_look_ns:
            self._call = BackgroundCall(self._look)
        self._runtime.clock.sleep(timeout_s)
        return True

    def _take(self, call: BackgroundCall[list[AnyLedger]], now: int) -> None:
        self._call, self._next_look_ns = None, now + LOOK_NS
        try:
            written = call.result()
        except (OSError, ArchiveError) as error:
            log.warning("ledger not written, trying again", extra={"reason": str(error)})
            return
        for ledger in written:
            self._runtime.tally.add(LEDGERS)
            self._runtime.tally.add(part(LEDGERS, ledger.stream, ledger.condition))
            for name, more in counted_token_time(ledger).items():
                self._runtime.tally.add(name, more)
            shown = LedgerShown(ledger.stream, ledger.from_utc, ledger.condition)
            log.info("ledger written", extra=msgspec.structs.asdict(shown))
            self._recent.append(shown)
            self._note_legs(ledger)
        if written:
            self._next_look_ns = now  # there may be more windows

    def _note_legs(self, ledger: AnyLedger) -> None:
        legs = legs_of(ledger)
        if legs is None:
            return
        self._union_today = self._union_today.plus(ledger)
        for name, more in counted(legs).items():
            self._runtime.tally.add(name, more)
        shown = {"from_utc": ledger.from_utc, **msgspec.to_builtins(legs)}
        log.info("two legs compared", extra=shown)

    def _look(self) -> list[AnyLedger]:
        """Account for the first window that wants it, if all of it is in closed archives.

        What is accounted for already is not looked at: a look costs the same however long the recording is.
        """
        root = self._runtime.data_root
        due = self._first_due()
        if due is None:
            return []
        journals = read_journals(root)  # before the listing: what closes in between is known twice, not never
        if not self._settled(due, journals):
            return []
        archives = [
            each for path in archives_since(root, due.from_ns) if (each := hour_archive(path)) is not None
        ]
        later = Later()
        for archive in archives:
            note_closed(later, archive)
        for line in journals.values():
            note_open(later, root, line)
        mine = [archive for archive in archives if archive.window_start_ns == due.from_ns]
        return self._write(due, list(compute_ledgers(due, mine, later).values()))

    def _first_due(self) -> Window | None:
        root = self._runtime.data_root
        until_ns = self._runtime.clock.wall_ns() - GRACE_NS
        # A ledger that a clock ahead of time has left in the future must not hold up all windows until then.
        last = newest_ledger(root, WS_RAW, until_ns=until_ns)
        if last is None:
            starts = newest_windows(root, FIRST_WINDOWS, until_ns=until_ns)
        else:
            found = (window_start_of(path.name) for path in archives_since(root, last))
            starts = [start for start in found if start is not None]
        due = windows_due(
            starts,
            () if last is None else (last,),
            interval_ns=self._interval_ns,
            until_ns=until_ns,
            has_left=partial(has_left, root),
        )
        return due[0] if due else None

    def _write(self, window: Window, ledgers: Sequence[AnyLedger]) -> list[AnyLedger]:
        """That of the websocket stream last: where it is, all are."""
        exchange = self._runtime.assignment.exchange
        stated = [msgspec.structs.replace(each, exchange=each.exchange or exchange) for each in ledgers]
        ordered = sorted(stated, key=lambda ledger: ledger.stream == WS_RAW)
        return [ledger for ledger in ordered if write_ledger(self._runtime.data_root, window, ledger)]

    def _settled(self, window: Window, journals: dict[int, JournalLine]) -> bool:
        """Whether nothing of the window is open, or waits in an outbox, or in a process for an outage's end."""
        root, run_dir = self._runtime.data_root, self._runtime.run_dir
        patient = self._runtime.clock.monotonic_ns() - self._began_ns < PATIENCE_NS
        for lane, line in journals.items():
            waits = patient or is_locked(root / "journal" / f"lane-{lane}.lock")
            if waits and any(_is_open_in(window, file.path, root) for file in line.files):
                return False
        producers = details_of_kind(read_facts(run_dir), ProducerDetails)
        for path in (run_dir / "producers").glob("*/identity.json"):
            if not (patient or is_locked(path.parent / "lock")):
                continue  # of an earlier run, and nobody goes on with it
            identity = msgspec.json.decode(path.read_bytes(), type=Identity)
            if identity.stream not in BOOK_STREAMS:
                continue
            details = producers.get(path.parent.name)
            if details is None or details.outbox.producer != identity.producer:
                return False
            if details.outbox.settled_until_ns < window.to_ns + GRACE_NS:
                return False
        return True

    def stop(self) -> None:
        """What is under way is given up: the next run does it again."""
        self._stopping = True

    def details(self) -> LedgerKeeperDetails:
        """The ledgers written last, and what those of the day state of two legs."""
        return LedgerKeeperDetails(ledgers=tuple(self._recent), union_today=self._union_today)

    def close(self) -> None:
        """Nothing is held."""


def _is_open_in(window: Window, path: str, root: Path) -> bool:
    name = path.rpartition("/")[2]
    if stream_of(name) not in BOOK_STREAMS:
        return False
    start_ns = window_start_of(name)
    closed = (root / path).exists() or was_uploaded(root, path)
    return start_ns is not None and start_ns <= window.from_ns and not closed


if __name__ == "__main__":
    main(LedgerKeeper)
