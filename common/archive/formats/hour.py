"""One hour of a recording in one format: a pure function of the archives, so that hours can be made in any order."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from common.archive.formats.account import Accounts, with_gaps
from common.archive.formats.flow import Flow
from common.archive.formats.once import HourDone, HourWanted, Made, export_once
from common.archive.formats.output import HourFiles, Writer
from common.archive.formats.passing import with_passing
from common.archive.formats.sources import HOUR_NS, LOOK_BACKS_NS, Sources
from common.archive.replay import Step, read_archive, replay
from common.core.formats.moments import Gaps, Moment
from common.core.formats.precision import Precision
from common.core.market import Exchange, Token
from common.core.rows.reading import Row
from common.core.rows.websocket import GAP

Format = Literal["hftbacktest", "nautilus", "pmxt", "tardis"]
MakeWriter = Callable[[HourFiles, int, Mapping[str, Token], Gaps], Writer]


class Form(msgspec.Struct, frozen=True):
    """A format: its writer, the numbers it holds, what an export does at gaps by default, and what it cannot hold."""

    name: Format
    make: MakeWriter
    precision: Precision | None
    gaps: Gaps
    losses: tuple[str, ...]


def export_hour(sources: Sources, output: Path, form: Form, wanted: HourWanted) -> HourDone:
    """Write the files of an hour and its account. Raises as `export_once` does."""
    return export_once(sources, output, form.name, wanted, lambda: _make(sources, output, form, wanted))


def _make(sources: Sources, output: Path, form: Form, wanted: HourWanted) -> Made:
    files = HourFiles(output)
    try:
        work = _read(sources, files, form, wanted)
        tokens = work.accounts.finish(work.tokens)
        written = work.writer.finish() if work.writer is not None else ()
        named = files.publish(with_gaps(written, tokens, wanted.hour_ns))
    finally:
        files.discard()
    return Made(work.exchange, work.rows, named, (*form.losses, *work.notes), tokens, work.declared_gaps)


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
