import pytest

from common.core.backoff import Backoff
from common.core.feed.rules import TRANSITIONS, Action, Event, FeedLimits, FeedRules, State, stale_reason

LIMITS = FeedLimits(
    dial_ns=20,
    first_message_ns=30,
    stale_ns=60,
    close_ns=2,
    discovery_ns=40,
    healthy_ns=1000,
    stale_before_discovery=3,
)


def rules() -> FeedRules:
    return FeedRules(LIMITS, Backoff(first_s=1e-9, longest_s=8e-9, chance=lambda: 1.0))


def shown(feed: FeedRules) -> str:
    return feed.shown


def state(feed: FeedRules) -> str:
    return feed.state


def in_session(rules: FeedRules, now_ns: int) -> None:
    rules.take(Event.TOKENS_APPEARED, now_ns)
    rules.take(Event.WAIT_OVER, now_ns)
    rules.take(Event.CONNECTED, now_ns)
    assert rules.state is State.SUBSCRIBED


def test_tokens_lead_to_a_dial_at_once_and_a_connection_to_a_subscription() -> None:
    feed = rules()
    feed.take(Event.TOKENS_APPEARED, 5)
    assert feed.due(5) is Event.WAIT_OVER
    assert feed.take(Event.WAIT_OVER, 5) is Action.DIAL
    assert feed.take(Event.CONNECTED, 6) is Action.SUBSCRIBE
    assert shown(feed) == "waiting_for_data"
    feed.take(Event.MARKET_DATA, 7)
    assert shown(feed) == "receiving"


def test_a_fresh_session_is_not_stale_because_an_old_one_was() -> None:
    feed = rules()
    in_session(feed, 0)
    feed.take(Event.MARKET_DATA, 10)
    assert feed.due(69) is None
    assert feed.due(70) is Event.STALE
    assert feed.take(Event.STALE, 70) is Action.DROP
    in_session(feed, 200)
    assert feed.due(229) is None, "the new session has its own grace"
    assert feed.due(230) is Event.FIRST_MESSAGE_OVERDUE


def test_market_data_restarts_the_stale_timer_and_beyond_opening_books_it_clears_the_count() -> None:
    feed = rules()
    for now in (0, 1000):
        in_session(feed, now)
        feed.take(Event.FIRST_MESSAGE_OVERDUE, now + 30)
    assert feed.consecutive_stale == 2
    in_session(feed, 2000)
    feed.take(Event.MARKET_DATA, 2001)
    assert feed.consecutive_stale == 2, "opening books alone are no life"
    feed.take(Event.MARKET_MOVED, 2050)
    assert feed.consecutive_stale == 0
    assert feed.due(2109) is None


def test_every_third_stale_session_in_a_row_asks_for_a_discovery_before_the_next_dial() -> None:
    feed = rules()
    actions = []
    for session in range(6):
        now = session * 1000
        if feed.state is State.DISCOVERING:
            assert feed.due(now) is Event.DISCOVERY_OVERDUE
            feed.take(Event.DISCOVERED, now)
        in_session(feed, now)
        due = feed.due(now + 30)
        assert due is not None
        actions.append(feed.take(due, now + 30))
    drop, discover = Action.DROP, Action.DROP_AND_DISCOVER
    assert actions == [drop, drop, discover, drop, drop, discover]


def test_a_discovery_that_never_comes_does_not_stop_the_dialing() -> None:
    feed = rules()
    for now in (0, 1000, 2000):
        in_session(feed, now)
        due = feed.due(now + 30)
        assert due is not None
        feed.take(due, now + 30)
    assert feed.due(2069) is None
    assert feed.due(2070) is Event.DISCOVERY_OVERDUE
    feed.take(Event.DISCOVERY_OVERDUE, 2070)
    assert feed.state is State.WAITING


def test_waits_grow_with_failures_and_start_over_after_a_healthy_session() -> None:
    feed = rules()
    feed.take(Event.TOKENS_APPEARED, 0)
    waits = []
    for now in range(0, 400, 100):
        feed.take(Event.WAIT_OVER, now)
        feed.take(Event.DIAL_FAILED, now)
        waits.append(feed.wait_s)
    assert waits == [1e-9, 2e-9, 4e-9, 8e-9]
    feed.take(Event.WAIT_OVER, 1000)
    feed.take(Event.CONNECTED, 1000)
    feed.take(Event.MARKET_DATA, 1000)
    feed.take(Event.MARKET_DATA, 2000)
    feed.take(Event.ENDED, 2000)
    assert feed.wait_s == waits[0]


def test_a_pause_that_the_exchange_asked_for_is_kept_once() -> None:
    feed = rules()
    feed.take(Event.TOKENS_APPEARED, 0)
    waits = []
    for now, asked_s in ((0, 7e-9), (100, 0.0)):
        feed.take(Event.WAIT_OVER, now)
        feed.leave_alone(asked_s)
        feed.take(Event.DIAL_FAILED, now)
        waits.append(feed.wait_s)
    assert waits == [7e-9, 2e-9]


def test_a_session_that_lived_briefly_does_not_reset_the_waits() -> None:
    feed = rules()
    waits = []
    for now in (0, 100, 200):
        in_session(feed, now)
        feed.take(Event.MARKET_DATA, now)
        feed.take(Event.ENDED, now + 1)
        waits.append(feed.wait_s)
    assert waits[0] < waits[1] < waits[2]


def test_a_stop_in_a_session_closes_it_in_order_and_waits_for_the_end() -> None:
    feed = rules()
    in_session(feed, 0)
    assert feed.take(Event.STOP, 1) is Action.CLOSE
    assert state(feed) == State.LEAVING
    assert feed.due(3) is Event.CLOSE_OVERDUE
    assert feed.take(Event.ENDED, 2) is Action.DROP
    assert state(feed) == State.DONE


@pytest.mark.parametrize("path", [[], [Event.TOKENS_APPEARED], [Event.TOKENS_APPEARED, Event.WAIT_OVER]])
def test_a_stop_outside_of_a_session_is_the_end_at_once(path: list[Event]) -> None:
    feed = rules()
    for event in path:
        feed.take(event, 0)
    feed.take(Event.STOP, 1)
    assert state(feed) == State.DONE
    assert feed.due(10**9) is None


def test_without_tokens_the_session_is_left_and_begins_again_when_they_appear() -> None:
    feed = rules()
    in_session(feed, 0)
    assert feed.take(Event.TOKENS_GONE, 1) is Action.CLOSE
    assert feed.take(Event.ENDED, 2) is Action.DROP
    assert shown(feed) == "no_tokens"
    in_session(feed, 50)


def test_while_the_process_itself_was_paused_nobody_is_to_blame() -> None:
    feed = rules()
    in_session(feed, 0)
    feed.take(Event.MARKET_DATA, 0)
    feed.paused(500)
    assert feed.due(505) is None
    assert feed.due(560) is Event.STALE


def test_a_feed_that_is_proved_frozen_counts_as_stale_and_too_often_asks_for_a_discovery() -> None:
    feed = rules()
    actions = []
    for session in range(3):
        in_session(feed, session * 1000)
        feed.take(Event.MARKET_DATA, session * 1000)
        feed.consecutive_stale = session  # as if the sessions between had no data
        actions.append(feed.take(Event.PROVED_FROZEN, session * 1000 + 1))
    assert actions == [Action.DROP, Action.DROP, Action.DROP_AND_DISCOVER]
    assert feed.consecutive_stale == 3


def test_a_session_without_data_yet_cannot_be_proved_frozen_but_replaced_for_a_book() -> None:
    feed = rules()
    in_session(feed, 0)
    assert feed.take(Event.PROVED_FROZEN, 1) is Action.NOTHING
    assert feed.take(Event.BOOK_DIVERGED, 1) is Action.DROP
    assert feed.consecutive_stale == 0


def test_an_event_that_the_table_does_not_know_in_a_state_changes_nothing() -> None:
    feed = rules()
    assert feed.take(Event.MARKET_DATA, 0) is Action.NOTHING
    assert feed.state is State.NO_TOKENS
    assert shown(feed) == "no_tokens"


def test_the_first_dial_shows_as_connecting_and_later_ones_as_reconnecting() -> None:
    feed = rules()
    feed.take(Event.TOKENS_APPEARED, 0)
    assert shown(feed) == "connecting"
    feed.take(Event.WAIT_OVER, 0)
    feed.take(Event.CONNECTED, 0)
    feed.take(Event.ENDED, 0)
    assert shown(feed) == "reconnecting"


def test_the_reason_says_whether_a_session_ever_had_data() -> None:
    assert stale_reason(State.SUBSCRIBED) == "no_first_message"
    assert stale_reason(State.RECEIVING) == "stale_feed"


def test_every_state_but_the_last_can_be_stopped_and_left() -> None:
    for state in set(State) - {State.DONE, State.LEAVING}:
        assert (state, Event.STOP) in TRANSITIONS
    reached = {state for state, _ in TRANSITIONS.values()}
    assert reached == set(State)
