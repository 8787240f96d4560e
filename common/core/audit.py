"""The audit of all connections: what passed on the live queue in, results and wishes out.

What the auditor did not see itself is found by the messages' own numbers, and makes the books void.
"""

from typing import Any

import msgspec

from common.core.book_checks import BookChecks, Result
from common.core.book_hash import HashTerms
from common.core.books import Books
from common.core.checkpoint_book import CheckpointBook, read_checkpoint
from common.core.continuity import Break, Continuity
from common.core.frozen import Evidence, FrozenWatch
from common.core.instants import utc_text
from common.core.market_events import MarketEvent, Unusable, read_events
from common.core.recorded_row import Row
from common.core.wishes import Healing, Wish

LEVELS_TOLD = 50
_AHEAD_MS = 2000  # no exchange time is believed that is further ahead of our clock
_TERMS_KEPT = 20_000  # tokens: days of all Bitcoin windows


class Heard(msgspec.Struct, frozen=True, gc=False):
    """One message of a reader as it passed, without its payload."""

    reader: str
    session_id: str
    message_sequence: int
    received_at_ns: int
    received_monotonic_ns: int
    is_market_data: bool


class _Connection:
    def __init__(self, terms: dict[str, HashTerms]) -> None:
        self.session_id = ""
        self.continuity = Continuity()
        self.books = Books()
        self.checks = BookChecks(self.books, terms)
        self.now_ms = 0
        self.last_market_data_ns = 0

    def begin(self, session_id: str) -> None:
        self.session_id = session_id
        self.last_market_data_ns = 0


class Audit:
    """Every reader's connection, and what is wished of it."""

    def __init__(self, silence_ns: int) -> None:
        """`silence_ns`: a stream that was not silent for so long cannot be proved frozen."""
        self._terms: dict[str, HashTerms] = {}
        self._connections: dict[str, _Connection] = {}
        self._frozen = FrozenWatch(silence_ns)
        self._healing = Healing()
        self._results: list[Result] = []
        self._ended: list[tuple[str, str, Result]] = []  # settled by the end of their books

    @property
    def books(self) -> int:
        """Tokens with a book now."""
        return sum(len(connection.books.by_token) for connection in self._connections.values())

    @property
    def unhealed(self) -> int:
        """Tokens that diverged and have not agreed since."""
        return self._healing.unhealed

    def message(self, heard: Heard, payload: bytes) -> None:
        """A message of the websocket passed."""
        connection = self._connection(heard.reader)
        broken = connection.continuity.message(heard.session_id, heard.message_sequence)
        if broken is not None:
            self._break(heard.reader, connection, broken)
        if heard.session_id != connection.session_id:
            connection.begin(heard.session_id)
        if not heard.is_market_data:
            return
        connection.last_market_data_ns = heard.received_at_ns
        self._frozen.data_came(heard.reader, heard.session_id, heard.received_monotonic_ns)
        latest_ms = heard.received_at_ns // 1_000_000 + _AHEAD_MS
        for event in read_events(payload):
            connection.checks.take(event)
            connection.now_ms = max(connection.now_ms, min(_time_ms(event), latest_ms))
        connection.checks.judge(connection.now_ms)

    def life_cycle(self, reader: str, row: Row) -> None:
        """A life-cycle row of a reader passed."""
        connection = self._connection(reader)
        broken = connection.continuity.life_cycle(row.record_type, row.session_id, row.detail)
        if broken is None:
            return
        for token_id in broken.token_ids or ():
            self._healing.dropped(token_id)
        self._break(reader, connection, broken)
        if broken.token_ids is None and row.session_id:
            connection.begin(row.session_id)

    def checkpoint(self, row: Row, received_monotonic_ns: int) -> None:
        """A REST row passed."""
        for shown in read_checkpoint(row.payload_json):
            if len(self._terms) >= _TERMS_KEPT:
                self._terms.clear()  # the next checkpoint tells them again
            self._terms[shown.token_id] = shown.terms
            reader = self._reader_of(shown.token_id)
            if reader is None:
                no_book = Result(
                    "checkpoint", "not_checkable", shown.token_id, shown.timestamp_ms, "no snapshot yet"
                )
                self._results.append(no_book)
                continue
            self._compare(reader, shown, row.checkpoint_sequence, received_monotonic_ns)

    def _compare(self, reader: str, shown: CheckpointBook, sequence: int, at_ns: int) -> None:
        connection = self._connections[reader]
        book = connection.books.by_token[shown.token_id]
        evidence = Evidence(shown.token_id, shown.timestamp_ms, book.timestamp_ms)
        self._frozen.checkpoint_came(reader, evidence, at_ns)
        connection.checks.checkpoint(shown, sequence)

    def _reader_of(self, token_id: str) -> str | None:
        """Of the readers that have a book of the token, the one whose stream went on last."""
        having = [name for name, each in self._connections.items() if token_id in each.books.by_token]
        return max(having, key=lambda name: self._connections[name].now_ms, default=None)

    def _connection(self, reader: str) -> _Connection:
        known = self._connections.get(reader)
        if known is None:
            known = self._connections[reader] = _Connection(self._terms)
        return known

    def _break(self, reader: str, connection: _Connection, broken: Break) -> None:
        connection.checks.reset(broken.token_ids)
        settled = connection.checks.take_settled()
        self._ended += [(reader, connection.session_id, result) for result in settled]
        if broken.token_ids is None:
            self._frozen.unknown(reader)

    # What comes of it

    def judge(self, now_ns: int, now_monotonic_ns: int) -> list[Wish]:
        """The wishes that are due, each without a number yet. Times are of now: wall and monotonic."""
        wishes: list[Wish] = []
        for reader, connection in self._connections.items():
            results = connection.checks.take_results()
            self._results += results
            for result in results:
                wishes += self._heal(reader, connection, result, now_monotonic_ns)
            settled = connection.checks.take_settled()
            self._ended += [(reader, connection.session_id, result) for result in settled]
        ended, self._ended = self._ended, []
        wishes += [_told(reader, session_id, result, now_ns) for reader, session_id, result in ended]
        for reader, session_id, evidence in self._frozen.proved(now_monotonic_ns):
            wishes.append(_stale(reader, self._connections[reader], session_id, evidence))
        return wishes

    def _heal(self, reader: str, connection: _Connection, result: Result, now_ns: int) -> list[Wish]:
        if result.verdict in {"agree", "agree_late"} and self._healing.unhealed:
            self._healing.agreed(result.token_id, result.check)
        if result.verdict != "divergence":
            return []
        action = self._healing.diverged(reader, result.token_id, result.check, now_ns)
        if action in {None, "none"}:
            return []
        assert action is not None
        return [Wish(0, reader, connection.session_id, action, result.token_id, result.reason)]

    def take_results(self) -> list[Result]:
        """All results since the last call."""
        results, self._results = self._results, []
        return results


def _time_ms(event: MarketEvent) -> int:
    return 0 if isinstance(event, Unusable) else event.timestamp_ms


def _told(reader: str, session_id: str, result: Result, now_ns: int) -> Wish:
    """The wish that a divergence be recorded, once all is known of it."""
    detail: dict[str, Any] = {
        "found_at_utc": utc_text(now_ns),
        "session_id": session_id,
        "token_id": result.token_id,
        "check": result.check,
        "verdict": result.verdict,
        "why": result.reason,
        "exchange_timestamp_ms": result.timestamp_ms,
        "checkpoint_sequence": result.checkpoint_sequence,
        "differing_levels": len(result.levels),
        "levels": [level._asdict() for level in result.levels[:LEVELS_TOLD]],
    }
    return Wish(0, reader, session_id, "none", result.token_id, result.reason, divergence=detail)


def _stale(reader: str, connection: _Connection, session_id: str, evidence: Evidence) -> Wish:
    newer_s = (evidence.checkpoint_ms - evidence.stream_ms) / 1000
    return Wish(
        0,
        reader,
        session_id,
        "stale",
        evidence.token_id,
        f"a checkpoint is {newer_s:.3f} s newer than the silent stream",
        last_market_data_ns=connection.last_market_data_ns,
    )
