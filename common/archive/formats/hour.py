"""One hour of a recording in one format: a pure function of the archives, so that hours can be made in any order."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from common.archive.formats.account import (
    SCHEMA_VERSION,
    Accounts,
    HourAccount,
    read_account,
    with_gaps,
    write_account,
)
from common.archive.formats.flow import Flow
from common.archive.formats.output import HourFiles, Writer
from common.archive.formats.passing import with_passing
from common.archive.formats.sources import HOUR_NS, LOOK_BACKS_NS, Sources
from common.archive.replay import Step, read_archive, replay
from common.core.formats.moments import Gaps, Moment
from common.core.formats.precision import Precision
from common.core.instants import utc_text
from common.core.market import Exchange, Token
from common.core.rows.origin import LegChoice
from common.core.rows.reading import Row
from common.core.rows.websocket import GAP
from common.errors import ArchiveError
from common.files import DISK
from common.locks import FileLock
from common.version import PROGRAM_VERSION

Format = Literal["hftbacktest", "nautilus", "pmxt", "tardis"]
MakeWriter = Callable[[HourFiles, int, Mapping[str, Token], Gaps], Writer]


class Form(msgspec.Struct, frozen=True):
    """A format: its writer, the numbers it holds, what an export does at gaps by default, and what it cannot hold."""

    name: Format
    make: MakeWriter
    precision: Precision | None
    gaps: Gaps
    losses: tuple[str, ...]


class HourWanted(msgspec.Struct, frozen=True):
    """What of an hour to export, and how."""

    hour_ns: int
    gaps: Gaps
    markets: tuple[str, ...] = ()
    leg: LegChoice = "merged"
    clock_error_ms: float | None = None
    replace: bool = False


class HourDone(msgspec.Struct, frozen=True):
    """An hour that is there: made now, or found as it would be made."""

    account: HourAccount
    made: bool


def export_hour(sources: Sources, output: Path, form: Form, wanted: HourWanted) -> HourDone:
    """Write the files of an hour and its account; leave it alone where it is there and would be the same.

    Raises ArchiveError where it is there and was made otherwise, unless it is to be replaced; AlreadyRunningError
    where another export writes the same hour; OSError.
    """
    with locked_hour(output, wanted.hour_ns):
        digest = sources.digest(wanted.hour_ns)
        earlier = earlier_hour(output, form.name, wanted, digest)
        if earlier is not None and not wanted.replace:
            return HourDone(earlier, made=False)
        account = _make(sources, output, form, wanted, digest)
        if earlier is not None:
            _remove(output, {file.path for file in earlier.files} - {file.path for file in account.files})
        write_account(output, wanted.hour_ns, account)
        return HourDone(account, made=True)


@contextmanager
def locked_hour(output: Path, hour_ns: int) -> Iterator[None]:
    """Hold the hour, so that no other export writes it. Raises AlreadyRunningError, OSError."""
    output.mkdir(parents=True, exist_ok=True)
    name = utc_text(hour_ns)[:13]
    lock = FileLock(output / f".export-{name}.lock", f"the hour {name} in {output}")
    try:
        yield
    finally:
        lock.release()


def earlier_hour(output: Path, name: str, wanted: HourWanted, digest: str) -> HourAccount | None:
    """The hour as it was exported before, None where it was not.

    Raises ArchiveError where it was made otherwise and is not to be replaced.
    """
    earlier = read_account(output, wanted.hour_ns)
    if earlier is None or wanted.replace or _is_same(earlier, name, wanted, digest):
        return earlier
    raise ArchiveError(
        f"{output}: the hour {earlier.from_utc[:13]} was exported with other options or from other archives;"
        " say --replace, or choose another --output"
    )


def _is_same(earlier: HourAccount, name: str, wanted: HourWanted, digest: str) -> bool:
    there = (earlier.format, earlier.gaps, earlier.leg, earlier.markets, earlier.sources)
    return there == (name, wanted.gaps, wanted.leg, wanted.markets, digest)


def _remove(output: Path, paths: set[str]) -> None:
    for path in paths:
        DISK.remove(output / path)


def _make(sources: Sources, output: Path, form: Form, wanted: HourWanted, digest: str) -> HourAccount:
    files = HourFiles(output)
    try:
        work = _read(sources, files, form, wanted)
        tokens = work.accounts.finish(work.tokens)
        written = work.writer.finish() if work.writer is not None else ()
        named = files.publish(with_gaps(written, tokens, wanted.hour_ns))
    finally:
        files.discard()
    return HourAccount(
        schema_version=SCHEMA_VERSION,
        program_version=PROGRAM_VERSION,
        format=form.name,
        from_utc=utc_text(wanted.hour_ns),
        to_utc=utc_text(wanted.hour_ns + HOUR_NS),
        exchange=work.exchange,
        gaps=wanted.gaps,
        leg=wanted.leg,
        markets=wanted.markets,
        sources=digest,
        rows_read=work.rows,
        files=tuple(named),
        tokens=tokens,
        declared_gaps=tuple(work.declared_gaps),
        notes=(*form.losses, *work.notes),
    )


def _read(sources: Sources, files: HourFiles, form: Form, wanted: HourWanted) -> "_Hour":
    """The hour, read from as far back as its books need."""
    for back_ns in LOOK_BACKS_NS[:-1]:
        work = _Hour(files, form, wanted)
        if work.read(sources, back_ns, thorough=False):
            return work
    work = _Hour(files, form, wanted)
    work.read(sources, LOOK_BACKS_NS[-1], thorough=True)
    return work


class _Hour:
    """Reads an hour and hands its moments to the writer."""

    def __init__(self, files: HourFiles, form: Form, wanted: HourWanted) -> None:
        self._files, self._form, self._wanted = files, form, wanted
        self.accounts = Accounts(wanted.hour_ns + HOUR_NS)
        self.writer: Writer | None = None
        self.tokens: Mapping[str, Token] = {}
        self.exchange: Exchange | None = None
        self.rows = 0
        self.declared_gaps: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self._last: Row | None = None

    def read(self, sources: Sources, back_ns: int, *, thorough: bool) -> bool:
        """Read from `back_ns` before the hour on. False: a token's book is older than that, unless `thorough`."""
        wanted = self._wanted
        flow = Flow(wanted.hour_ns, markets=wanted.markets, precision=self._form.precision)
        rows = read_archive(
            sources.paths,
            since=max(wanted.hour_ns - back_ns, 0),
            until=wanted.hour_ns + HOUR_NS,
            leg=wanted.leg,
            clock_error_ms=wanted.clock_error_ms,
        )
        for step in replay(with_passing(rows, [wanted.hour_ns], lambda _: flow.begin())):
            moments = list(flow.take(step))
            if flow.begun:
                if flow.without_book and not thorough:
                    return False
                self._note(step)
            for moment in moments:
                self._take(moment, flow)
        self.tokens = flow.tokens
        self.notes += self._notes_of(flow)
        return True

    def _take(self, moment: Moment, flow: Flow) -> None:
        if self.writer is None:
            self.writer = self._form.make(self._files, self._wanted.hour_ns, flow.tokens, self._wanted.gaps)
        self.accounts.take(moment)
        self.writer.take(moment)

    def _note(self, step: Step) -> None:
        row = step.row
        if row is self._last:
            return
        self._last = row
        self.rows += 1
        self.exchange = self.exchange or row.exchange
        if row.record_type == GAP and row.received_at_ns >= self._wanted.hour_ns:
            self.declared_gaps.append(row.detail)

    def _notes_of(self, flow: Flow) -> Iterator[str]:
        if not self.rows:
            yield "nothing was recorded in this hour"
        for reason, count in sorted(flow.refused.items()):
            yield f"{count} trades are left out: {reason}"
        for token_id in sorted(flow.waiting):
            yield f"{token_id}: no book at the end of this hour: no snapshot came"
