from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from common.core.discovery.selection import Before, Selection
from common.core.discovery.taken_markets import CLOSED, NOT_LISTED, NOT_SELECTED
from common.core.instants import NS_PER_SECOND
from common.core.market import Market
from tests.core.discovery.test_selection import NOON, RULES, TAG, gamma_market, question, selection

LABEL = "tag news"


def taken(*objects: object) -> tuple[Market, ...]:
    return selection(*objects).markets


def again(
    before: Iterable[Market], *objects: object, at_s: int = 0, closed: Iterable[str] = (), limit: int = 0
) -> Selection:
    """What is recorded so many seconds after noon, when Gamma gives these objects."""
    rules = msgspec.structs.replace(RULES, market_limit=limit)
    known = Before(tuple(before), frozenset(closed))
    return selection(*objects, rules=rules, before=known, nows=(NOON + at_s * NS_PER_SECOND,))


def test_a_window_that_is_not_listed_is_recorded_to_its_end_and_grace() -> None:
    before = taken(gamma_market(-60), gamma_market(240))
    for at_s in (0, 239, 240, 240 + 179):
        assert before[0] in again(before, at_s=at_s).markets, at_s
    assert before[0] not in again(before, at_s=240 + 180).markets
    [first, second] = again(before).candidates
    assert NOT_LISTED in first.reason
    assert first.taken
    assert second.reason == f"upcoming, starts in 240 s; {NOT_LISTED}"


@pytest.mark.parametrize(
    "changes",
    [
        {"closed": True},
        {"active": False},
        {"enableOrderBook": False},
        {"clobTokenIds": "[]"},
        {"clobTokenIds": "garbled"},
        {"endDate": "soon"},
        {"endDate": "2020-01-01T00:00:00Z"},
        {"events": []},
        {"acceptingOrders": False},
        {"conditionId": None},
        {"outcomes": None},
    ],
)
def test_no_single_answer_ends_a_window_or_changes_its_tokens(changes: dict[str, Any]) -> None:
    before = taken(gamma_market(-60))
    assert [market.tokens for market in again(before, gamma_market(-60, **changes)).markets] == [
        before[0].tokens
    ]


def test_what_cannot_be_read_while_it_is_recorded_is_said_all_the_same() -> None:
    found = again(taken(gamma_market(-60)), gamma_market(-60, clobTokenIds="garbled"))
    assert (found.unreadable, [trouble.field for trouble in found.odd]) == ((), ["clobTokenIds"])


def test_a_window_that_gamma_has_called_closed_twice_leaves_unless_it_is_just_ending() -> None:
    before = taken(gamma_market(-60))
    slug = before[0].slug
    gone = again(before, closed=[slug])
    assert (gone.markets, [candidate.reason for candidate in gone.candidates]) == ((), [CLOSED])
    assert again(before, at_s=250, closed=[slug]).markets == before, "its last messages are still to come"


def test_it_leaves_as_well_when_an_open_copy_is_still_listed() -> None:
    before = taken(gamma_market(-60))
    assert again(before, gamma_market(-60), closed=[before[0].slug]).markets == ()


def test_a_market_without_a_window_stays_until_it_is_closed_or_no_longer_selected() -> None:
    before = selection(question(), rules=TAG, label=LABEL).markets
    known = Before(before)
    far = NOON + 10**6 * NS_PER_SECOND
    assert selection(rules=TAG, before=known, nows=(far,)).markets == before
    assert selection(rules=TAG, before=Before(before, frozenset({"will-it-rain"}))).markets == ()
    other = selection(rules=RULES, before=known)
    assert (other.markets, [candidate.reason for candidate in other.candidates]) == ((), [NOT_SELECTED])


def test_a_file_of_an_older_program_says_by_the_series_what_is_selected() -> None:
    before = tuple(msgspec.structs.replace(market, selected_by=()) for market in taken(gamma_market(-60)))
    assert again(before).markets == before


def test_changed_ids_are_recorded_beside_those_that_were_taken() -> None:
    before = taken(gamma_market(-60))
    new = ["7" * 77, "8" * 77]
    found = again(before, gamma_market(-60, clobTokenIds=new))
    [market] = found.markets
    assert [token.token_id for token in market.tokens] == [token.token_id for token in before[0].tokens] + new
    assert ["changed" in trouble.reason for trouble in found.odd] == [True]
    later = again(found.markets, gamma_market(-60, clobTokenIds=new))
    assert (later.markets, later.odd) == (found.markets, ()), "said once, kept"


def test_ids_that_change_all_the_time_are_not_taken_for_ever() -> None:
    markets = taken(gamma_market(-60))
    for number in range(20):
        ids = [f"{number + 10}{'7' * 70}", f"{number + 10}{'8' * 70}"]
        markets = again(markets, gamma_market(-60, clobTokenIds=ids)).markets
    assert len(markets[0].tokens) == 16


def test_a_later_end_counts_and_an_earlier_one_does_not() -> None:
    before = taken(gamma_market(-60))
    later = again(before, gamma_market(-60, endDate="2026-11-23T12:20:00Z")).markets[0]
    assert later.end_time_utc == later.tokens[0].end_time_utc == "2026-11-23T12:20:00.000000Z"
    assert again([later], gamma_market(-60)).markets == (later,)


def test_a_limit_prefers_what_is_recorded_and_lets_windows_end_beside_new_ones() -> None:
    first = again((), gamma_market(-60), gamma_market(240), gamma_market(540), limit=2).markets
    assert [market.slug for market in first] == [gamma_market(at)["slug"] for at in (-60, 240)]
    rolled = again(first, gamma_market(240), gamma_market(540), gamma_market(840), at_s=250, limit=2).markets
    assert [market.slug for market in rolled] == [gamma_market(at)["slug"] for at in (240, 540, -60)]
    shorter = again(first, gamma_market(240, 900), at_s=250, limit=2).markets
    assert [market.slug for market in shorter] == [
        gamma_market(240)["slug"],
        gamma_market(240, 900)["slug"],
        gamma_market(-60)["slug"],
    ]
