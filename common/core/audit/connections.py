"""Follows the messages of all connections and checks their books: the live auditor, and code that reads recordings.

What is missing is found by the messages' own numbers, and makes the books void until their next snapshots: not
checkable, never a divergence.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from common.core.audit.heard import Connection, Heard, Judged, Shown
from common.core.audit.results import Result
from common.core.audit.unknown_books import Unknown
from common.core.books.book import Book
from common.core.books.checkpoint import CheckpointBook
from common.core.books.continuity import Break
from common.core.events.market_events import MarketEvent, Unusable, UnusualForms
from common.core.events.not_understood import NotUnderstood
from common.core.events.rest_answer import Answer
from common.core.recipes.account import RecipeAccount
from common.core.recipes.proof import HashProof
from common.core.rows.origin import leg_in_name

_AHEAD_MS = 2000  # no exchange time is believed that is further ahead of our clock


class BookAudit:
    """Every reader's connection. Results wait for `take_results` and `take_settled`."""

    def __init__(
        self, recipes: RecipeAccount | None = None, not_understood: NotUnderstood | None = None
    ) -> None:
        """`recipes`: those that are known at first; the usual ones if None. `not_understood`: counts to go on from."""
        self._every_ms = 0
        self._proof = HashProof(recipes)
        self._connections: dict[str, Connection] = {}
        self._results: list[Judged] = []
        self._settled: list[Judged] = []
        self.not_understood = not_understood or NotUnderstood()
        self.doubts = NotUnderstood()  # of these what could be read, but whose time is wrong
        self.doubts_by_token: Counter[str] = Counter()

    @property
    def recipes(self) -> RecipeAccount:
        """The hash recipes, and what they have shown."""
        return self._proof.recipes

    @property
    def books(self) -> int:
        """Tokens with a book now."""
        return len(set().union(*(each.books.by_token for each in self._connections.values())))

    def unknown_books(self) -> Iterator[tuple[str, str, str, Unknown]]:
        """Reader, session and token of each book that is not known because an event could not be used, and why."""
        for reader, connection in self._connections.items():
            for token_id, unknown in connection.unknown.by_token.items():
                yield reader, connection.session_id, token_id, unknown

    def shown(self, token_id: str) -> Shown | None:
        """The book of a token as its checks see it, of the connection that went on last; None without one."""
        reader = self._reader_of(token_id)
        if reader is None:
            return None
        connection = self._connections[reader]
        return Shown(reader, connection.heard_ns, connection.books.by_token[token_id])

    @property
    def readers(self) -> Collection[str]:
        """All that were heard."""
        return self._connections.keys()

    def session_of(self, reader: str) -> str:
        """The session that a reader was heard in last, empty before the first."""
        connection = self._connections.get(reader)
        return connection.session_id if connection is not None else ""

    def message(self, heard: Heard, events: Iterable[MarketEvent]) -> Break | None:
        """A message of the websocket passed; which books were void before it."""
        connection = self._connection(heard.reader)
        broken = connection.continuity.message(heard.session_id, heard.message_sequence)
        if broken is not None:
            self._break(heard.reader, connection, broken)
            connection.unchecked.missed(heard.received_at_ns)
        connection.session_id, connection.heard_ns = heard.session_id, heard.received_at_ns
        now_ms, latest_ms = 0, heard.received_at_ns // 1_000_000 + _AHEAD_MS
        connection.books.received_ms = heard.received_at_ns // 1_000_000
        for event in events:
            if isinstance(event, (Unusable, UnusualForms)):
                self._not_understood(connection, event, heard.received_at_ns)
            else:
                now_ms = max(now_ms, min(event.timestamp_ms, latest_ms))
            connection.checks.take(event)
            for doubt in connection.books.doubts:
                self._doubt(connection, doubt, heard.received_at_ns)
        if connection.unknown.by_token:
            connection.unknown.look(connection.books)
        connection.checks.judge(now_ms)
        self._collect(heard.reader, connection)
        return broken

    def _not_understood(
        self, connection: Connection, event: Unusable | UnusualForms, received_at_ns: int
    ) -> None:
        self.not_understood.take((event,))
        if isinstance(event, Unusable):
            connection.unknown.note(event, connection.books, received_at_ns)

    def _doubt(self, connection: Connection, doubt: Unusable | UnusualForms, received_at_ns: int) -> None:
        self.not_understood.take((doubt,))
        self.doubts.take((doubt,))
        if isinstance(doubt, Unusable):
            connection.unknown.note_tokens(doubt.token_ids, doubt, received_at_ns)
            self.doubts_by_token.update(doubt.token_ids)

    def subscribed(self, heard: Heard, token_ids: Iterable[str]) -> None:
        """What the session of a message is subscribed to from that message on."""
        self._connection(heard.reader).unchecked.subscribed(heard.session_id, token_ids, heard.received_at_ns)

    def never_checked(self, now_ns: int) -> int:
        """Tokens of which no check could be made since they were subscribed, a while ago."""
        return len(set().union(*(each.unchecked.never(now_ns) for each in self._connections.values())))

    def unheard_books(self, now_ns: int) -> Iterator[tuple[str, str, str]]:
        """Reader, session and token of each book whose snapshot passed unheard, if it came, a while ago."""
        for reader, connection in self._connections.items():
            for token_id in connection.unchecked.without_book(connection.books, now_ns):
                yield reader, connection.session_id, token_id

    def life_cycle(
        self, reader: str, record_type: str, session_id: str | None, detail: Mapping[str, Any]
    ) -> Break | None:
        """A life-cycle row of a reader passed; which books are void with it."""
        connection = self._connection(reader)
        broken = connection.continuity.life_cycle(record_type, session_id, detail)
        if broken is not None:
            self._break(reader, connection, broken)
            if broken.token_ids is None and session_id:
                connection.session_id = session_id
        return broken

    def thin_out(self, every_ms: int) -> None:
        """Check a hash of each token at most so often; 0 is every one. A loss shows in all that follow it."""
        self._every_ms = every_ms
        for connection in self._connections.values():
            connection.checks.thin_out(every_ms)

    def void(self) -> None:
        """Messages of all readers pass unheard from here on."""
        for reader, connection in self._connections.items():
            self._break(reader, connection, Break("not heard"))
            connection.unchecked.missed(connection.books.received_ms * 1_000_000)

    def checkpoint(self, shown: CheckpointBook, sequence: int) -> Sequence[tuple[str, Book]]:
        """A book of REST passed; of each leg the reader whose book it was compared with, and that book.

        None for one that proves nothing.
        """
        readers = self._newest_of_each_leg(shown.token_id)
        if not readers:
            self._proof.checkpoint(shown.book(), shown.terms, shown.last_trade_price)
            reason = "no snapshot yet"
            result = Result(
                "checkpoint", "not_checkable", shown.token_id, shown.timestamp_ms, reason, sequence
            )
            self._results.append(Judged("", "", result))
        compared = []
        for reader in readers:
            connection = self._connections[reader]
            book = connection.books.by_token[shown.token_id]
            if connection.checks.checkpoint(shown, sequence):
                compared.append((reader, book))
            self._collect(reader, connection)
        return compared

    def unreadable(self, answer: Answer, sequence: int) -> None:
        """What of an answer of REST cannot be compared with any book, because it cannot be read."""
        self.not_understood.take((*answer.unreadable, *answer.forms))
        for unusable in answer.unreadable:
            for token_id in unusable.token_ids:
                reason = f"{unusable.reason} cannot be read"
                result = Result("checkpoint", "not_checkable", token_id, 0, reason, sequence)
                self._results.append(Judged("", "", result))

    def take_results(self) -> list[Judged]:
        """What was judged since the last call."""
        results, self._results = self._results, []
        return results

    def take_settled(self) -> list[Judged]:
        """The divergences of which all is known, since the last call."""
        settled, self._settled = self._settled, []
        return settled

    def _reader_of(self, token_id: str) -> str | None:
        """Of the readers that have a book of the token, the one whose stream went on last."""
        return max(self.readers_with(token_id), key=self._now_ms, default=None)

    def _newest_of_each_leg(self, token_id: str) -> Iterable[str]:
        by_age = sorted(self.readers_with(token_id), key=self._now_ms)
        return {leg_in_name(name): name for name in by_age}.values()

    def _now_ms(self, reader: str) -> int:
        return self._connections[reader].checks.now_ms

    def readers_with(self, token_id: str) -> Sequence[str]:
        """Those that have a book of the token now."""
        return [name for name, each in self._connections.items() if token_id in each.books.by_token]

    def _connection(self, reader: str) -> Connection:
        known = self._connections.get(reader)
        if known is None:
            known = self._connections[reader] = Connection(self._proof)
            known.checks.thin_out(self._every_ms)
        return known

    def _break(self, reader: str, connection: Connection, broken: Break) -> None:
        connection.checks.reset(broken.token_ids)
        connection.unknown.drop(broken.token_ids)
        self._collect(reader, connection)

    def _collect(self, reader: str, connection: Connection) -> None:
        results = connection.checks.results
        for result in results.take():
            connection.unchecked.checked(result)
            self._results.append(Judged(reader, connection.session_id, result))
        for result in results.take_settled():
            self._settled.append(Judged(reader, connection.session_id, result))
