from common.core.discovery.due_windows import DueWindows, WindowGap
from common.core.feed.left_tokens import Left, LeftTokens, TokenGap
from common.core.feed.openings_only import OpeningsOnly
from common.core.instants import utc_text
from common.core.market import Token

S = 1_000_000_000
UP, DOWN = (Token("btc-1", "0x1", token_id, "Up", utc_text(100 * S)) for token_id in ("1", "2"))
OPEN_ENDED = Token("who-wins", "0x2", "3", "Yes", "")


def never(_token: Token) -> bool:
    return False


def test_tokens_that_leave_together_are_one_gap_which_ends_with_their_window() -> None:
    left = LeftTokens()
    assert left.follow((UP, DOWN, OPEN_ENDED), 10 * S, since_ns=10 * S, excused=never) == []
    assert left.follow((), 20 * S, since_ns=15 * S, excused=never) == []
    assert left.earliest_ns == 15 * S
    assert left.attend(99 * S, never) == []
    assert left.attend(101 * S, never) == [TokenGap((UP, DOWN), 15 * S, 100 * S)]
    assert left.cut(200 * S) == [TokenGap((OPEN_ENDED,), 15 * S, 200 * S)]
    assert left.left == (Left(OPEN_ENDED, 200 * S),)
    assert left.attend(210 * S, lambda token: token is OPEN_ENDED) == [
        TokenGap((OPEN_ENDED,), 200 * S, 210 * S)
    ]


def test_what_is_over_or_excused_when_it_leaves_is_no_gap() -> None:
    left = LeftTokens((UP, OPEN_ENDED))
    left.follow((), 120 * S, since_ns=100 * S, excused=lambda token: token is OPEN_ENDED)
    assert left.left == ()


def test_a_window_is_due_from_its_start_to_its_end_as_its_slug_tells() -> None:
    due = DueWindows()
    start_s = 1_795_951_800
    rolling, other = f"btc-updown-5m-{start_s}", "bitcoin-up-or-down-on-monday"
    stated_ns = (start_s + 40) * S
    stated = {rolling: (stated_ns, "why"), other: (stated_ns, "what")}
    assert due.state(stated, stated_ns, not_before_ns=(start_s - 100) * S) == []
    assert due.earliest_ns == start_s * S
    late_ns = (start_s + 400) * S
    assert due.state({}, late_ns, not_before_ns=0) == [
        WindowGap(rolling, start_s * S, (start_s + 300) * S, "why"),
        WindowGap(other, stated_ns, late_ns, "what"),
    ]
    assert due.earliest_ns is None


def test_nothing_is_declared_of_time_that_is_accounted_for_already_and_a_cut_goes_on() -> None:
    due = DueWindows()
    start_s = 1_795_951_800
    slug = f"eth-updown-15m-{start_s}"
    due.state({slug: ((start_s + 40) * S, "why")}, (start_s + 40) * S, not_before_ns=(start_s + 30) * S)
    assert due.cut((start_s + 50) * S) == [WindowGap(slug, (start_s + 30) * S, (start_s + 50) * S, "why")]
    assert due.cut((start_s + 60) * S) == [WindowGap(slug, (start_s + 50) * S, (start_s + 60) * S, "why")]


def test_opening_books_only_takes_a_proof_and_a_second_session_in_a_row() -> None:
    openings = OpeningsOnly(silence_ns=12 * S)
    assert not openings.lasts(100 * S), "a quiet market"
    openings.proved_frozen()
    assert not openings.lasts(11 * S)
    assert openings.lasts(12 * S)
    openings.proved_frozen()
    assert openings.lasts(0)
    openings.moved()
    assert not openings.lasts(100 * S)
