"""A reader in the test's own process, on a clock that the test moves: a minute passes in the time of its steps."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from common.config import DiscoverySettings, Settings
from common.core.audit.confirmations import Confirmed
from common.core.audit.wishes import Wish
from common.core.batch import decode_envelopes
from common.core.envelope import MESSAGE
from common.core.instants import parse_utc_ns, utc_text
from common.core.market import DISCOVERY_SCHEMA_VERSION, DiscoveryFile, Market, Token
from common.core.problems import Problem
from common.polymarket.gamma.discovery_file import discovery_path, write_discovery_file
from common.queue.outbox import Outbox
from common.queue.outbox_files import Identity
from common.runtime.clock import Clock
from common.runtime.problems import Problems
from common.runtime.process import Assignment, Runtime
from common.runtime.run.details import ReaderDetails
from common.runtime.run.facts import Tally, write_facts
from procs.ws_reader import WsReader
from tests.doubles.market_exchange import MarketExchange
from tests.procs.alone import run_folder
from tests.stated import AUDITOR, facts
from tests.waiting import wait_for

S = 1_000_000_000
HOUR_NS = 3600 * S
SHIFT_NS = 300 * S - time.time_ns() % HOUR_NS  # a gap that lasts beyond an hour is declared once in each
NAME = "ws_reader-0"


def wall_clock_ns() -> int:
    """The wall clock of these tests: it began five minutes after a full hour."""
    return time.time_ns() + SHIFT_NS


def market(slug: str, *token_ids: str, ends_in_s: float | None = 3600, opens_in_s: float = -60) -> Market:
    """A window around now, or one without a window."""
    now = wall_clock_ns()
    start = utc_text(now + int(opens_in_s * S)) if ends_in_s is not None else ""
    end = utc_text(now + int(ends_in_s * S)) if ends_in_s is not None else ""
    condition = "0x" + slug.encode().hex().ljust(64, "0")[:64]
    outcomes = ("Up", "Down")
    tokens = tuple(
        Token(slug, condition, token_id, outcome, end)
        for token_id, outcome in zip(token_ids, outcomes, strict=True)
    )
    return Market(slug, condition, "btc-up-or-down-5m", start, end, tokens)


class ReaderRun:
    """The reader, its surroundings, and what it left in its outbox."""

    def __init__(self, run_dir: Path, data_root: Path, url: str, websocket: dict[str, Any]) -> None:
        self.run_dir, self.data_root = run_dir, data_root
        self.later_ns = self.slept_ns = self.set_ns = 0
        self._settings = msgspec.convert(
            {"exchange": {"ws_url": url}, "websocket": {"reconnect_initial_delay_seconds": 0.5, **websocket}},
            type=Settings,
        )
        self.clock = Clock(
            wall_ns=lambda: wall_clock_ns() + self.later_ns + self.slept_ns + self.set_ns,
            monotonic_ns=lambda: time.monotonic_ns() + self.later_ns,
            boot_ns=lambda: time.monotonic_ns() + self.later_ns + self.slept_ns,
        )
        self.reader = self._begin()

    def _begin(self) -> WsReader:
        assignment = Assignment(
            run_id="r1",
            mode="runtime",
            started_at_ns=1,
            data_root=str(self.data_root),
            run_dir=str(self.run_dir),
            settings=self._settings,
        )
        self.problems = Problems(self.clock)
        self.tally = Tally(None)
        runtime = Runtime(NAME, 0, assignment, self.tally, self.clock, problems=self.problems)
        return WsReader(runtime)

    def discover(self, *markets: Market, closed: Sequence[str] = ()) -> None:
        """Replace the discovery file."""
        found = DiscoveryFile(
            DISCOVERY_SCHEMA_VERSION, utc_text(wall_clock_ns()), "test", (), markets, (), closed=tuple(closed)
        )
        write_discovery_file(discovery_path(self.data_root, DiscoverySettings()), found)

    def discovery_states(self, *problems: Problem) -> None:
        """Facts of the discovery process."""
        write_facts(self.run_dir, facts("discovery", clock=self.clock, problems=problems))

    def auditor_says(
        self, *, wishes: Sequence[Wish] = (), confirmed: Mapping[str, Confirmed] = MappingProxyType({})
    ) -> None:
        """Facts of the book auditor."""
        details = replace(AUDITOR, wishes=tuple(wishes), confirmed=dict(confirmed))
        write_facts(self.run_dir, facts("book_auditor", details, clock=self.clock))

    @property
    def told(self) -> ReaderDetails:
        """Its details."""
        return self.reader.details()

    @property
    def consecutive_stale(self) -> int:
        """The counter, brought up to date."""
        self.reader.details()
        return self.tally.counters["consecutive_stale_reconnects"]

    def until(self, condition: Callable[[], object], what: str, *, pass_s: float = 0) -> None:
        """Step until it is true; with each step so much time passes beside what the step takes."""

        def stepped() -> object:
            self.later_ns += int(pass_s * S)
            self.reader.step(0.001)
            return condition()

        wait_for(stepped, what=what, timeout_s=20)

    def receiving(self) -> None:
        """Step until market data comes."""
        self.until(lambda: self.told.state == "receiving", "market data")

    def pass_time(
        self, seconds: float, each: Callable[[], object] = lambda: None, step_s: float = 0.5
    ) -> None:
        """So much time, in steps that are no pause of the process."""
        until_ns = self.clock.monotonic_ns() + int(seconds * S)
        while self.clock.monotonic_ns() < until_ns:
            self.later_ns += int(step_s * S)
            each()
            for _ in range(3):
                self.reader.step(0.001)

    def die_and_come_back(self) -> None:
        """As after a kill: nothing is said, a successor goes on with the outbox."""
        self.reader.close()
        self.reader = self._begin()

    def end(self) -> list[dict[str, Any]]:
        """Stop in order; the rows that are no messages."""
        self.reader.stop()
        self.until(lambda: all(each.closed_at_utc for each in self.told.recent_sessions), "the end")
        self.reader.step(0.001)
        self.reader.close()
        return self.rows()

    def rows(self) -> list[dict[str, Any]]:
        """The rows in the outbox of a reader that is closed."""
        folder = self.run_dir / "producers" / NAME
        outbox = Outbox(folder, Identity("unused", "ws_raw"), lanes=1, limit_bytes=2**30)
        try:
            return [
                msgspec.json.decode(envelope.payload)
                for lane in outbox.lanes.values()
                for chunk in lane.chunks
                for envelope in decode_envelopes(chunk.segment.read(chunk.offset, chunk.length))
                if envelope.kind != MESSAGE
            ]
        finally:
            outbox.close(finished=False)


@contextmanager
def reader_beside(data_root: Path, exchange: MarketExchange, **websocket: float) -> Iterator[ReaderRun]:
    """A reader that records from the exchange."""
    with run_folder() as run_dir, exchange.server:
        yield ReaderRun(run_dir, data_root, exchange.server.url, dict(websocket))


def gaps(rows: Sequence[dict[str, Any]], cause: str) -> list[tuple[float, list[str]]]:
    """How many seconds each gap of this cause lasted, and the tokens that its row tracks."""
    return [
        (
            (parse_utc_ns(row["gap"]["to_utc"]) - parse_utc_ns(row["gap"]["from_utc"])) / S,
            [token["token_id"] for token in row["tokens_tracked"]],
        )
        for row in rows
        if row["record_type"] == "gap" and row["gap"]["cause"] == cause
    ]
