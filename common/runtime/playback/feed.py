"""Plays a recording to the clients of the embedded exchange, at the distances in which it was received."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator

from common.core.instants import NS_PER_SECOND, utc_text
from common.errors import ArchiveError
from common.runtime.playback.addressed import Addressed, Part
from common.runtime.playback.books import PlayedBooks
from common.runtime.playback.listed import ListedRecording
from common.runtime.playback.markets import RecordedMarkets
from common.runtime.playback.moments import Moment, row_in
from common.runtime.playback.options import Playback
from common.simulation.audience import Audience
from common.simulation.connection import Connection
from common.simulation.faults.active import Faults
from common.simulation.feed import OPENING_LIMIT
from common.simulation.markets.frames import opening_array
from common.simulation.options import SimulationOptions

SILENCE_NS = 30 * NS_PER_SECOND  # what nobody received for so long is said, even if nothing was lost
WORK_S = 0.005  # at a stretch: HTTP and new connections wait no longer
WAIT_S = 0.1  # at a stretch, so that idle connections are noticed
BACKLOG_BYTES = 1 << 20  # at full speed no client falls further behind than this
DRAIN_S = 30.0  # what clients have not taken by then is lost to them

Say = Callable[[str], None]


class PlaybackFeed(Audience):
    """The feed of a replay: it begins with the first subscription, and ends with the recording."""

    closing_words = "the replay is over"
    cannot = frozenset(
        {
            "freeze",
            "mute",
            "no_book",
            "drop",
            "withhold",
            "slow",
            "drop_change",
            "stranger",
            "reference",
            "resolution",
        }
    )

    def __init__(
        self,
        options: SimulationOptions,
        faults: Faults,
        playback: Playback,
        *,
        moments: Iterator[Moment],
        markets: RecordedMarkets,
        books: PlayedBooks,
        say: Say,
    ) -> None:
        super().__init__(options, faults)
        self.listed = ListedRecording(markets, books)
        self._playback, self._moments, self._say = playback, moments, say
        self._markets, self._books = markets, books
        self._by_token: dict[str, dict[Connection, None]] = {}
        self._subscribed = asyncio.Event()
        self._yielded_s = self._housekept_s = 0.0
        self._next = self._first()

    def _first(self) -> Moment:
        """The first message to play, with the books of that instant. Raises ArchiveError where there is none."""
        for moment in self._moments:
            self._take_before(moment)
            if moment.at_ns >= (self._playback.since_ns or 0):
                self.listed.at_ns = moment.at_ns
                return moment
            self._books.take(moment.item)
        names = ", ".join(map(str, self._playback.paths))
        raise ArchiveError(f"{names}: no market data to replay between --from and --until")

    def route(self) -> None:
        """Who subscribes which token; the first subscription starts the replay."""
        self._by_token = {}
        for connection in self.connections.values():
            for token_id in connection.tokens:
                self._by_token.setdefault(token_id, {})[connection] = None
        if self._by_token:
            self._subscribed.set()
        else:
            self._subscribed.clear()

    def open_books(self, connection: Connection, token_ids: Iterable[str]) -> None:
        """Queue the books of the played instant, of the tokens whose book is known."""
        self.route()
        shown = [self._books.opening(token_id) for token_id in token_ids if self._markets.shows(token_id)]
        if len(connection.tokens) <= OPENING_LIMIT and not connection.pongs_only:
            self.put(connection, opening_array(book for book in shown if book is not None))

    async def run(self) -> None:
        """Wait for the first subscription, play to the end, and wait until the clients have taken it all."""
        self._say(f"replay: begins at {utc_text(self._next.at_ns)}, with the first subscription")
        await self._wait_for_clients()
        began_s, began_ns = time.monotonic(), self._next.at_ns
        last_ns = began_ns
        moment: Moment | None = self._next
        while moment is not None:
            if moment is not self._next:
                self._tell_gap(last_ns, moment.at_ns, self._take_before(moment))
            last_ns = max(last_ns, moment.at_ns)
            await self._until(began_s, last_ns - began_ns)
            self.listed.at_ns = last_ns
            self._tell_gap(last_ns, last_ns, self._books.take(moment.item))
            self._deliver(moment.frame)
            moment = next(self._moments, None)
        await self._drain()
        self._refuse_unknown_names()
        self._say(
            f"replay: the recording ends at {utc_text(last_ns)}; {self.frames_made} messages were played"
        )

    def _refuse_unknown_names(self) -> None:
        if not self._markets.markets_seen:
            names = ", ".join(sorted(self._playback.names))
            raise ArchiveError(f"the recording has no such market: {names or 'it names none at all'}")

    def _take_before(self, moment: Moment) -> dict[str, int]:
        """What the rows since the last message change; how many books they void, by the reason."""
        lost: dict[str, int] = {}
        for item in (*moment.before, moment.item):
            self._markets.take(row_in(item))
        for item in moment.before:
            for reason, books in self._books.take(item).items():
                lost[reason] = lost.get(reason, 0) + books
        return lost

    def _tell_gap(self, from_ns: int, to_ns: int, lost: dict[str, int]) -> None:
        seconds = max(to_ns - from_ns, 0) / NS_PER_SECOND
        if lost:
            reasons = ", ".join(sorted(lost))
            self._say(
                f"replay: the recording has a gap of {seconds:.1f} s here, from {utc_text(from_ns)} ({reasons}):"
                f" nothing is sent, and {sum(lost.values())} books are not known until they are sent again"
            )
        elif to_ns - from_ns >= SILENCE_NS:
            self._say(
                f"replay: nothing was received for {seconds:.1f} s here, from {utc_text(from_ns)}: nothing is sent"
            )

    def _deliver(self, frame: Addressed) -> None:
        ready = None
        for connection in self._takers(frame):
            payload = frame.only(lambda part, to=connection: self._concerns(part, to))  # type: ignore[misc]
            if payload is frame.payload:
                ready = ready or self.frame(payload)
                self.queue(connection, ready)
            elif payload is not None:
                self.queue(connection, self.frame(payload))
        self.frames_made += 1

    def _takers(self, frame: Addressed) -> list[Connection]:
        """Those who may get some of it."""
        if any(not part.token_ids for part in frame.parts):
            found: Iterable[Connection] = self.connections.values()
        else:
            tokens = (token_id for part in frame.parts for token_id in part.token_ids)
            found = dict.fromkeys(each for token_id in tokens for each in self._by_token.get(token_id, ()))
        return [each for each in found if not (each.silent or each.pongs_only or each.books_only)]

    def _concerns(self, part: Part, connection: Connection) -> bool:
        if part.flagged and not connection.flagged:
            return False
        if part.token_ids:
            return any(
                token_id in connection.tokens and self._markets.shows(token_id) for token_id in part.token_ids
            )
        return not self._playback.names

    async def _until(self, began_s: float, after_ns: int) -> None:
        """Hand over what is due, and wait for the instant, or for the slowest client at full speed."""
        speed = self._playback.speed
        due_s = 0.0 if speed is None else began_s + after_ns / NS_PER_SECOND / speed
        while True:
            now_s = time.monotonic()
            if now_s < due_s:
                self._hand_over(now_s)
                await asyncio.sleep(min(due_s - now_s, WAIT_S))
                continue
            if now_s - self._yielded_s >= WORK_S:
                self._hand_over(now_s)
                await asyncio.sleep(0)
                self._yielded_s = time.monotonic()
                if speed is None:
                    await self._wait_for_clients()
            return

    async def _wait_for_clients(self) -> None:
        """Until somebody subscribes, and nobody is far behind where there is no speed to keep."""
        while not self._subscribed.is_set() or (
            self._playback.speed is None
            and any(each.flush() > BACKLOG_BYTES for each in self.connections.values())
        ):
            self._hand_over(time.monotonic())
            await asyncio.sleep(WORK_S)

    def _hand_over(self, now_s: float) -> None:
        self.end_the_slow()
        if now_s - self._housekept_s >= 1.0:
            self._housekept_s = now_s
            self.cut_the_idle(now_s)
            self._books.read_terms(self.listed.at_ns)
            self.listed.set_shapes(self._faults.active(now_s))

    async def _drain(self) -> None:
        """Closing hurries: wait until what was played has left."""
        ends_s = time.monotonic() + DRAIN_S
        while time.monotonic() < ends_s and any(each.flush() for each in list(self.connections.values())):
            await asyncio.sleep(WORK_S)
