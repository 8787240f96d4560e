from common.core.feed.opening_books import BookWatch, Overdue
from common.core.feed.session_history import RECENT, SessionHistory
from common.core.feed.wanted_tokens import WantedTokens, change_between
from common.core.market import Token


def token(number: int) -> Token:
    return Token("slug", "0x1", str(number) * 5, "Up", "2026-01-01T00:00:00Z")


ONE, TWO, THREE = token(1), token(2), token(3)


def test_a_token_without_a_book_is_asked_for_again_and_then_worth_a_new_connection() -> None:
    watch = BookWatch(timeout_ns=30)
    watch.subscribed([ONE.token_id, TWO.token_id], 0)
    watch.note_payload(b'{"asset_id":"11111","bids":[]}')
    assert watch.overdue(29) is None
    assert watch.overdue(30) == Overdue((TWO.token_id,), replace=False)
    assert watch.overdue(59) is None
    assert watch.overdue(60) == Overdue((TWO.token_id,), replace=True)


def test_a_connection_is_replaced_only_once_for_a_token_and_it_is_asked_for_ever_more_rarely() -> None:
    watch = BookWatch(timeout_ns=30)
    watch.subscribed([ONE.token_id], 0)
    assert watch.overdue(30) == Overdue((ONE.token_id,), replace=False)
    assert watch.overdue(60) == Overdue((ONE.token_id,), replace=True)
    watch.session_over()
    assert not watch.missing
    watch.subscribed([ONE.token_id], 100)
    assert watch.overdue(130) == Overdue((ONE.token_id,), replace=False)
    assert watch.overdue(249) is None
    assert watch.overdue(250) == Overdue((ONE.token_id,), replace=False)


def test_what_is_awaited_is_known_since_the_open_session_first_asked_for_it() -> None:
    watch = BookWatch(timeout_ns=30)
    watch.subscribed([ONE.token_id, TWO.token_id, THREE.token_id], 5)
    watch.subscribed([ONE.token_id], 9)
    watch.note_payload(TWO.token_id.encode())
    watch.dropped([THREE.token_id])
    watch.overdue(40, not_open={ONE.token_id})
    assert watch.awaited == {ONE.token_id: 5}
    watch.session_over()
    assert watch.awaited == {}
    watch.subscribed([ONE.token_id], 100)
    assert watch.awaited == {ONE.token_id: 100}


def test_a_book_forgets_what_was_tried_and_a_dropped_token_is_not_missed() -> None:
    watch = BookWatch(timeout_ns=30)
    watch.subscribed([ONE.token_id, TWO.token_id], 0)
    watch.overdue(30)
    watch.note_payload(ONE.token_id.encode())
    watch.dropped([TWO.token_id, THREE.token_id])
    assert not watch.missing
    watch.subscribed([ONE.token_id], 100)
    assert watch.overdue(130) == Overdue((ONE.token_id,), replace=False)


def test_a_listed_token_is_wanted_at_once_and_lingers_when_it_goes() -> None:
    wanted = WantedTokens(linger_ns=15)
    wanted.set_listed((ONE, TWO), 0)
    assert wanted.now(0) == (ONE, TWO)
    wanted.set_listed((TWO, THREE), 10)
    assert wanted.now(24) == (TWO, THREE, ONE)
    assert wanted.now(25) == (TWO, THREE)


def test_a_token_that_comes_back_while_it_lingers_is_simply_listed() -> None:
    wanted = WantedTokens(linger_ns=15)
    wanted.set_listed((ONE,), 0)
    wanted.set_listed((), 10)
    wanted.set_listed((ONE,), 12)
    assert wanted.now(1000) == (ONE,)


def test_settled_tokens_are_wanted_as_long_as_others_live() -> None:
    wanted = WantedTokens(linger_ns=15)
    wanted.set_listed((ONE, TWO), 0)
    wanted.resolve([ONE.token_id, "unknown"])
    assert wanted.now(1) == (ONE, TWO)
    wanted.resolve([TWO.token_id])
    assert wanted.now(2) == ()
    wanted.set_listed((ONE, TWO, THREE), 3)
    assert wanted.now(4) == (ONE, TWO, THREE)


def test_a_change_names_what_to_say_and_no_change_says_nothing() -> None:
    assert change_between((ONE, TWO), (TWO, ONE)) is None
    change = change_between((ONE, TWO), (TWO, THREE))
    assert change is not None
    assert change.subscribe == (THREE.token_id,)
    assert change.unsubscribe == (ONE.token_id,)
    assert change.tokens == (TWO, THREE)


def test_the_history_keeps_the_newest_sessions_with_their_ends() -> None:
    history = SessionHistory()
    history.counted(5)
    for number in range(RECENT + 3):
        history.opened(f"s{number}", number * 10**9, tokens=4)
        history.counted(number)
        history.closed("stale_feed", "", number * 10**9, stale=True)
    rows = history.rows()
    assert len(rows) == RECENT
    assert rows[-1].session_id == f"s{RECENT + 2}"
    assert rows[-1].messages == RECENT + 2
    assert rows[-1].stale is True
    assert rows[0].closed_at_utc == "1970-01-01T00:00:03.000000Z"
