"""When a reader dials, subscribes, replaces a connection or asks for a discovery: one table of transitions.

Pure: the reader tells events, asks what is due, and does what the table says. All timers belong to the state
they were started in, so nothing that an older session did can end a new one.
"""

from enum import StrEnum

import msgspec

from common.core.backoff import Backoff
from common.core.causes import Cause
from common.core.run_state import ReaderState

NS = 1_000_000_000


class State(StrEnum):
    """Where a reader stands."""

    NO_TOKENS = "no_tokens"
    WAITING = "waiting"  # before the next dial
    DISCOVERING = "discovering"  # stale too often: first ask whether the markets are still the right ones
    DIALING = "dialing"
    SUBSCRIBED = "subscribed"  # no market data yet
    RECEIVING = "receiving"
    LEAVING = "leaving"  # we asked for the close and record what is under way
    DONE = "done"


class Event(StrEnum):
    """What happens to a reader."""

    TOKENS_APPEARED = "tokens appeared"
    TOKENS_GONE = "tokens gone"
    WAIT_OVER = "wait over"
    DISCOVERED = "discovered"
    DISCOVERY_OVERDUE = "discovery overdue"
    CONNECTED = "connected"
    DIAL_FAILED = "dial failed"
    DIAL_OVERDUE = "dial overdue"
    MARKET_DATA = "market data"
    MARKET_MOVED = "market moved"  # market data beyond the opening books
    FIRST_MESSAGE_OVERDUE = "first message overdue"
    STALE = "stale"
    STALE_TOO_OFTEN = "stale too often"
    BOOKS_MISSING = "books missing"
    BOOK_DIVERGED = "book diverged"  # also after its token was subscribed again
    PROVED_FROZEN = "proved frozen"  # a checkpoint is newer than the silent stream
    ENDED = "ended"
    CLOSE_OVERDUE = "close overdue"
    STOP = "stop"


class Action(StrEnum):
    """What a reader does at a transition."""

    NOTHING = "nothing"
    DIAL = "dial"
    SUBSCRIBE = "subscribe"
    FORGET_DIAL = "forget the dial"
    DROP = "drop the connection"
    DROP_AND_DISCOVER = "drop the connection and ask for a discovery"
    CLOSE = "close the connection in order"


_N = Action.NOTHING
TRANSITIONS: dict[tuple[State, Event], tuple[State, Action]] = {
    (State.NO_TOKENS, Event.TOKENS_APPEARED): (State.WAITING, _N),
    (State.NO_TOKENS, Event.STOP): (State.DONE, _N),
    (State.WAITING, Event.TOKENS_GONE): (State.NO_TOKENS, _N),
    (State.WAITING, Event.WAIT_OVER): (State.DIALING, Action.DIAL),
    (State.WAITING, Event.STOP): (State.DONE, _N),
    (State.DISCOVERING, Event.DISCOVERED): (State.WAITING, _N),
    (State.DISCOVERING, Event.DISCOVERY_OVERDUE): (State.WAITING, _N),
    (State.DISCOVERING, Event.STOP): (State.DONE, _N),
    (State.DIALING, Event.CONNECTED): (State.SUBSCRIBED, Action.SUBSCRIBE),
    (State.DIALING, Event.DIAL_FAILED): (State.WAITING, _N),
    (State.DIALING, Event.DIAL_OVERDUE): (State.WAITING, Action.FORGET_DIAL),
    (State.DIALING, Event.STOP): (State.DONE, Action.FORGET_DIAL),
    (State.SUBSCRIBED, Event.MARKET_DATA): (State.RECEIVING, _N),
    (State.SUBSCRIBED, Event.MARKET_MOVED): (State.RECEIVING, _N),
    (State.SUBSCRIBED, Event.FIRST_MESSAGE_OVERDUE): (State.WAITING, Action.DROP),
    (State.SUBSCRIBED, Event.STALE_TOO_OFTEN): (State.DISCOVERING, Action.DROP_AND_DISCOVER),
    (State.SUBSCRIBED, Event.BOOKS_MISSING): (State.WAITING, Action.DROP),
    (State.SUBSCRIBED, Event.BOOK_DIVERGED): (State.WAITING, Action.DROP),
    (State.SUBSCRIBED, Event.ENDED): (State.WAITING, Action.DROP),
    (State.SUBSCRIBED, Event.TOKENS_GONE): (State.LEAVING, Action.CLOSE),
    (State.SUBSCRIBED, Event.STOP): (State.LEAVING, Action.CLOSE),
    (State.RECEIVING, Event.MARKET_DATA): (State.RECEIVING, _N),
    (State.RECEIVING, Event.MARKET_MOVED): (State.RECEIVING, _N),
    (State.RECEIVING, Event.STALE): (State.WAITING, Action.DROP),
    (State.RECEIVING, Event.STALE_TOO_OFTEN): (State.DISCOVERING, Action.DROP_AND_DISCOVER),
    (State.RECEIVING, Event.BOOKS_MISSING): (State.WAITING, Action.DROP),
    (State.RECEIVING, Event.BOOK_DIVERGED): (State.WAITING, Action.DROP),
    (State.RECEIVING, Event.PROVED_FROZEN): (State.WAITING, Action.DROP),
    (State.RECEIVING, Event.ENDED): (State.WAITING, Action.DROP),
    (State.RECEIVING, Event.TOKENS_GONE): (State.LEAVING, Action.CLOSE),
    (State.RECEIVING, Event.STOP): (State.LEAVING, Action.CLOSE),
    (State.LEAVING, Event.ENDED): (State.NO_TOKENS, Action.DROP),
    (State.LEAVING, Event.CLOSE_OVERDUE): (State.NO_TOKENS, Action.DROP),
}

STALE_EVENTS = frozenset(
    {Event.STALE, Event.STALE_TOO_OFTEN, Event.FIRST_MESSAGE_OVERDUE, Event.PROVED_FROZEN}
)

_DATA = frozenset({Event.MARKET_DATA, Event.MARKET_MOVED})

_SHOWN: dict[State, ReaderState] = {
    State.NO_TOKENS: "no_tokens",
    State.WAITING: "reconnecting",
    State.DISCOVERING: "reconnecting",
    State.DIALING: "reconnecting",
    State.SUBSCRIBED: "waiting_for_data",
    State.RECEIVING: "receiving",
    State.LEAVING: "no_tokens",
    State.DONE: "no_tokens",
}


class FeedLimits(msgspec.Struct, frozen=True):
    """How long each state may last, in nanoseconds, and how many stale sessions in a row force a discovery."""

    dial_ns: int
    first_message_ns: int
    stale_ns: int
    close_ns: int
    discovery_ns: int
    healthy_ns: int
    stale_before_discovery: int


class FeedRules:
    """The table at work: the present state, since when, and the counts that outlast a session."""

    def __init__(self, limits: FeedLimits, backoff: Backoff) -> None:
        self._limits = limits
        self._backoff = backoff
        self.state = State.NO_TOKENS
        self._since_ns = 0
        self._wait_ns = 0
        self._data_since_ns = 0
        self._asked_s = 0.0
        self._stopping = False
        self._connected_before = False
        self.consecutive_stale = 0

    @property
    def shown(self) -> ReaderState:
        """The state in the words of the run manifest."""
        shown = _SHOWN[self.state]
        return "connecting" if shown == "reconnecting" and not self._connected_before else shown

    def take(self, event: Event, now_ns: int) -> Action:
        """Go where the table says and give what is to be done. An event without a row changes nothing."""
        if event is Event.STOP:
            self._stopping = True
        elif event is Event.PROVED_FROZEN:
            event = self._stale_event(event)
        row = TRANSITIONS.get((self.state, event))
        if row is None:
            return Action.NOTHING
        before, (self.state, action) = self.state, row
        if self.state is State.NO_TOKENS and self._stopping:
            self.state = State.DONE
        self._keep_counts(before, event, now_ns)
        if self.state is not before or event in _DATA:
            self._since_ns = now_ns
        return action

    def _keep_counts(self, before: State, event: Event, now_ns: int) -> None:
        if event is Event.CONNECTED:
            self._connected_before = True
        elif event in _DATA:
            self.consecutive_stale = 0 if event is Event.MARKET_MOVED else self.consecutive_stale
            self._data_since_ns = now_ns if before is State.SUBSCRIBED else self._data_since_ns
        elif event in STALE_EVENTS:
            self.consecutive_stale += 1
        if before is State.RECEIVING and now_ns - self._data_since_ns >= self._limits.healthy_ns:
            self._backoff.reset()
        if self.state is State.WAITING and before is not State.WAITING:
            at_once = before is State.NO_TOKENS
            asked_s, self._asked_s = self._asked_s, 0.0
            self._wait_ns = 0 if at_once else int(self._backoff.next_wait_s(at_least_s=asked_s) * NS)

    def leave_alone(self, seconds: float) -> None:
        """The exchange asked for so long a pause: the wait that begins next is not shorter."""
        self._asked_s = seconds

    @property
    def wait_s(self) -> float:
        """The wait that the present WAITING state began with, in seconds."""
        return self._wait_ns / NS

    def due(self, now_ns: int) -> Event | None:
        """The event that time alone brings now, None if none."""
        lasted = now_ns - self._since_ns
        limits = self._limits
        overdue: dict[State, tuple[int, Event]] = {
            State.WAITING: (self._wait_ns, Event.WAIT_OVER),
            State.DISCOVERING: (limits.discovery_ns, Event.DISCOVERY_OVERDUE),
            State.DIALING: (limits.dial_ns, Event.DIAL_OVERDUE),
            State.SUBSCRIBED: (limits.first_message_ns, self._stale_event(Event.FIRST_MESSAGE_OVERDUE)),
            State.RECEIVING: (limits.stale_ns, self._stale_event(Event.STALE)),
            State.LEAVING: (limits.close_ns, Event.CLOSE_OVERDUE),
        }
        limit = overdue.get(self.state)
        return limit[1] if limit is not None and lasted >= limit[0] else None

    def _stale_event(self, event: Event) -> Event:
        often = (self.consecutive_stale + 1) % self._limits.stale_before_discovery == 0
        return Event.STALE_TOO_OFTEN if often else event

    def alive(self, at_ns: int) -> None:
        """The session was well at this instant, although no market data told so: its timer runs from then."""
        if self.state in {State.SUBSCRIBED, State.RECEIVING}:
            self._since_ns = max(self._since_ns, at_ns)

    def paused(self, slept_ns: int) -> None:
        """The process itself was stopped for so long: nobody else is to blame, the timers go on after it."""
        self._since_ns += slept_ns


def stale_reason(state: State) -> Cause:
    """The close reason of a session that was found stale in this state."""
    return "no_first_message" if state is State.SUBSCRIBED else "stale_feed"
