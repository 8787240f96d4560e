import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.core.discovery.offers import Offer
from common.core.discovery.selection import NOTHING_BEFORE, Before, Rules, Selection, select_markets
from common.core.discovery.wanted_markets import wanted_markets
from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.market import Candidate, Market

NOON = parse_utc_ns("2026-11-23T12:00:00Z")
SERIES = ("btc-up-or-down-5m", "btc-up-or-down-15m", "btc-up-or-down-hourly")
RULES = Rules(wanted_markets(SERIES, (), (), ()), lookahead_seconds=600, market_end_grace_seconds=180)
TAG = Rules(wanted_markets((), ("news",), (), ()), lookahead_seconds=600, market_end_grace_seconds=180)


def gamma_market(start_s: int = -60, length_s: int = 300, **changes: object) -> dict[str, Any]:
    """A market whose window starts so many seconds after noon."""
    start_ns = NOON + start_s * NS_PER_SECOND
    number = start_ns // NS_PER_SECOND * 10_000 + length_s
    market = {
        "slug": f"btc-updown-{length_s // 60}m-{start_ns // NS_PER_SECOND}",
        "conditionId": f"0x{number:064x}",
        "clobTokenIds": json.dumps([str(10**76 + number), str(2 * 10**76 + number)]),
        "outcomes": '["Up", "Down"]',
        "eventStartTime": utc_text(start_ns),
        "endDate": utc_text(start_ns + length_s * NS_PER_SECOND),
        "updatedAt": "2026-11-23T11:00:00.123Z",
        "active": True,
        "closed": False,
        "acceptingOrders": True,
        "enableOrderBook": True,
        "events": [{"seriesSlug": f"btc-up-or-down-{length_s // 60}m"}],
    }
    return {name: value for name, value in (market | changes).items() if value != "absent"}


def selection(
    *objects: object,
    rules: Rules = RULES,
    label: str = "",
    before: Before = NOTHING_BEFORE,
    nows: tuple[int, ...] = (NOON,),
) -> Selection:
    return select_markets([Offer(raw, label) for raw in objects], nows=nows, rules=rules, before=before)


def select(*objects: object, rules: Rules = RULES) -> tuple[tuple[Market, ...], tuple[Candidate, ...]]:
    found = selection(*objects, rules=rules)
    assert found.unreadable == found.odd == ()
    return found.markets, found.candidates


def reason_for(raw: object) -> str:
    markets, candidates = select(raw)
    assert markets == ()
    assert not candidates[0].taken
    return candidates[0].reason


def question(slug: str = "will-it-rain", **changes: object) -> dict[str, Any]:
    """An open market without a window."""
    number = int.from_bytes(slug.encode()[-6:])
    market = {
        "slug": slug,
        "conditionId": f"0x{number:064x}",
        "clobTokenIds": json.dumps([str(10**76 + number), str(2 * 10**76 + number)]),
        "outcomes": '["Yes", "No"]',
        "endDate": "2026-11-01T00:00:00Z",
        "active": True,
        "closed": False,
        "acceptingOrders": True,
        "enableOrderBook": True,
    }
    return {name: value for name, value in (market | changes).items() if value != "absent"}


def test_a_live_market_is_taken_with_its_window_and_tokens() -> None:
    markets, candidates = select(gamma_market())
    market = markets[0]
    assert market.series == "btc-up-or-down-5m"
    assert (market.start_time_utc, market.end_time_utc) == (
        "2026-11-23T11:59:00.000000Z",
        "2026-11-23T12:04:00.000000Z",
    )
    assert [token.outcome for token in market.tokens] == ["Up", "Down"]
    assert market.tokens[0].end_time_utc == market.end_time_utc
    assert candidates == (
        Candidate(market.slug, market.condition_id, taken=True, reason="live, ends in 240 s"),
    )


def test_live_windows_come_first_then_upcoming_ones_then_those_just_over() -> None:
    starts = {
        "over": gamma_market(-310),
        "next": gamma_market(240),
        "soon": gamma_market(120, 900),
        "live 15m": gamma_market(-60, 900),
        "live 5m": gamma_market(-60),
    }
    markets, candidates = select(*starts.values())
    order = ["live 5m", "live 15m", "soon", "next", "over"]
    assert [market.slug for market in markets] == [starts[name]["slug"] for name in order]
    assert [candidate.reason for candidate in candidates] == [
        "live, ends in 240 s",
        "live, ends in 840 s",
        "upcoming, starts in 120 s",
        "upcoming, starts in 240 s",
        "ended 10 s ago, still within the grace",
    ]


def test_a_limit_keeps_the_first_and_says_why_the_others_were_left() -> None:
    limited = Rules(RULES.wanted, 600, 180, market_limit=1)
    markets, candidates = select(gamma_market(60), gamma_market(-60), rules=limited)
    assert [market.slug for market in markets] == [gamma_market(-60)["slug"]]
    assert [(candidate.taken, candidate.reason) for candidate in candidates] == [
        (True, "live, ends in 240 s"),
        (False, "over the market limit"),
    ]


def test_the_edges_of_lookahead_and_grace() -> None:
    assert len(select(gamma_market(600))[0]) == 1
    assert reason_for(gamma_market(601)) == "starts later than 600 s from now"
    assert len(select(gamma_market(-479))[0]) == 1
    assert reason_for(gamma_market(-480)) == "ended more than 180 s ago"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"closed": True}, "closed: settled tokens have no book"),
        ({"closed": "true"}, "closed: settled tokens have no book"),
        ({"closed": "absent", "closedTime": "2026-11-23 11:00:16+00"}, "closed: settled tokens have no book"),
        ({"closed": None, "resolutionStatus": "resolved"}, "closed: settled tokens have no book"),
        ({"active": False}, "not active"),
        ({"active": 0}, "not active"),
        ({"enableOrderBook": False}, "it has no order book"),
        ({"events": [{"seriesSlug": "eth-up-or-down-5m"}]}, "of a series that is not asked for"),
        ({"events": "absent", "slug": "btc-above-90k"}, "of a series that is not asked for"),
    ],
)
def test_what_is_not_to_be_recorded_is_left_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    assert reason_for(gamma_market(**changes)) == reason


@pytest.mark.parametrize(
    "changes",
    [{"closed": "no"}, {"closed": None}, {"closed": "absent"}, {"active": "true"}, {"active": {"is": True}}],
)
def test_a_state_in_another_form_means_the_same_and_an_unknown_one_closes_nothing(
    changes: dict[str, Any],
) -> None:
    assert len(select(gamma_market(**changes))[0]) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"clobTokenIds": "absent"}, "clobTokenIds"),
        ({"clobTokenIds": "[]"}, "clobTokenIds"),
        ({"clobTokenIds": "[not json"}, "clobTokenIds"),
        ({"clobTokenIds": '["1"]'}, "clobTokenIds"),
        ({"clobTokenIds": ["1", "1"]}, "clobTokenIds"),
        ({"clobTokenIds": ["1", "2", "3"]}, "clobTokenIds"),
        ({"clobTokenIds": ["1", "2" * 79]}, "clobTokenIds"),
        ({"version": "v2"}, "positionIds"),
        ({"version": "v7", "clobTokenIds": None}, "version"),
        ({"slug": "btc-up-or-down-thing", "endDate": "soon", "eventStartTime": 5}, "endDate"),
    ],
)
def test_an_open_market_that_cannot_be_read_is_said_with_the_field(
    changes: dict[str, Any], field: str
) -> None:
    found = selection(gamma_market(**changes))
    assert found.markets == ()
    [trouble] = found.unreadable
    assert trouble.field == field
    assert trouble.reason == found.candidates[0].reason
    assert field in trouble.reason


def test_ids_that_are_not_there_before_trading_begins_are_nothing_odd() -> None:
    early = gamma_market(300, clobTokenIds="[]", acceptingOrders=False)
    assert reason_for(early).startswith("accepts no orders yet")
    assert selection(gamma_market(300, clobTokenIds="[]")).unreadable, "it trades, and has no ids"
    waiting = question(clobTokenIds=None, acceptingOrders=False)
    found = selection(waiting, rules=TAG, label="tag news")
    assert (found.unreadable, found.candidates[0].reason) == ((), "it has no token ids yet")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"conditionId": "absent"}, "conditionId"),
        ({"conditionId": "0x" + "z" * 64}, "conditionId"),
        ({"slug": None, "events": [{"slug": "btc-updown-5m-1", "seriesSlug": SERIES[0]}]}, "slug"),
        ({"outcomes": "absent"}, "outcomes"),
        ({"outcomes": ["Up", None]}, "outcomes"),
        ({"endDate": "2019-01-01T00:00:00Z"}, "endDate"),
        ({"endDate": "2099-01-01T00:00:00Z"}, "endDate"),
        ({"eventStartTime": "2026-11-23T11:00:00Z", "endDate": None}, "eventStartTime"),
        ({"version": "v3", "clobTokenIds": "absent", "outcomeIds": ["7" * 70, "8" * 70]}, "version"),
    ],
)
def test_what_can_be_read_all_the_same_is_recorded_and_said(changes: dict[str, Any], field: str) -> None:
    found = selection(gamma_market(**changes))
    assert len(found.markets) == 1
    assert [trouble.field for trouble in found.odd] == [field]


@pytest.mark.parametrize(
    ("changes"),
    [
        {"endDate": "absent"},
        {"endDate": "soon"},
        {"eventStartTime": None},
        {"eventStartTime": "0001-13-01"},
        {"endDate": None, "eventStartTime": None, "events": []},
    ],
)
def test_a_window_that_gamma_does_not_date_is_that_of_the_slug(changes: dict[str, Any]) -> None:
    [market] = selection(gamma_market(**changes)).markets
    assert (market.start_time_utc, market.end_time_utc) == (
        "2026-11-23T11:59:00.000000Z",
        "2026-11-23T12:04:00.000000Z",
    )


def test_dates_that_agree_with_each_other_count_whatever_the_slug_says() -> None:
    found = selection(gamma_market(slug="btc-updown-5m-1700000000"))
    assert (found.markets[0].start_time_utc, found.odd) == ("2026-11-23T11:59:00.000000Z", ())


def test_a_slug_in_any_form_drops_no_market_and_its_name_is_safe() -> None:
    long = "x" * 130
    markets = selection(
        *(
            question(slug, conditionId=f"0x{place:064x}", clobTokenIds=[f"1{place:076}", f"2{place:076}"])
            for place, slug in enumerate([long, "../../etc/passwd", "Ünï cödé_İ", "\x1b[31m", "a" * 400])
        ),
        rules=TAG,
        label="tag news",
    ).markets
    assert len(markets) == 5
    assert all(set(market.slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for market in markets)
    assert len({market.slug for market in markets}) == 5
    assert max(len(market.slug) for market in markets) <= 200
    assert long in {market.slug for market in markets}


def test_a_market_without_a_window_is_recorded_while_it_is_open_whatever_its_end_date_is() -> None:
    found = selection(
        question(), question("next", endDate="2030-01-01T00:00:00Z"), rules=TAG, label="tag news"
    )
    assert [(market.start_time_utc, market.end_time_utc, market.selected_by) for market in found.markets] == [
        ("", "", ("tag news",))
    ] * 2
    assert {candidate.reason for candidate in found.candidates} == {"open, without a window"}
    assert [token.end_time_utc for token in found.markets[0].tokens] == ["", ""]


def test_windows_of_a_tag_keep_to_the_lookahead() -> None:
    found = selection(gamma_market(-60), gamma_market(9000), rules=TAG, label="tag news")
    assert [market.series for market in found.markets] == ["btc-up-or-down-5m"]


def test_a_halted_window_is_recorded_but_one_that_never_opened_waits() -> None:
    assert len(select(gamma_market(-60, acceptingOrders=False))[0]) == 1
    assert reason_for(gamma_market(60, acceptingOrders=False)).startswith("accepts no orders yet")


def test_of_two_copies_the_one_updated_last_counts_unless_it_cannot_be_read() -> None:
    newer = gamma_market(updatedAt="2026-11-23T11:30:00Z", closed=True)
    older = gamma_market(updatedAt="2026-11-23T11:00:00Z")
    undated = gamma_market(updatedAt="yesterday")
    for objects in ([newer, older, undated], [undated, older, newer]):
        markets, candidates = select(*objects)
        assert markets == ()
        assert [candidate.reason for candidate in candidates] == ["closed: settled tokens have no book"]
    broken = gamma_market(updatedAt="2026-11-23T11:30:00Z", clobTokenIds="[]")
    assert select(broken, older)[0] == select(older)[0]


def test_a_market_found_twice_is_one_and_knows_both_reasons() -> None:
    rules = Rules(wanted_markets(SERIES, ("news",), (), ()), 600, 180)
    offers = [Offer(gamma_market(), "tag news"), Offer(gamma_market(), "series btc-up-or-down-5m")]
    found = select_markets(offers, nows=(NOON,), rules=rules)
    assert [market.selected_by for market in found.markets] == [("series btc-up-or-down-5m", "tag news")]
    assert len(found.candidates) == 1


def test_one_wrong_clock_does_not_drop_the_windows_of_the_other() -> None:
    later = NOON + 7200 * NS_PER_SECOND
    found = selection(gamma_market(-60), gamma_market(7140), nows=(NOON, later))
    assert len(found.markets) == 2


def test_hostile_names_are_shown_harmlessly() -> None:
    candidate = select(gamma_market(slug="\x1b[31m" + "x" * 200, closed=True))[1][0]
    assert candidate.slug == "?[31m" + "x" * 75


odd_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.just('["1","2"]'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.unmeasured(here=True)
@given(st.dictionaries(st.sampled_from(sorted(gamma_market())), odd_values, max_size=4), odd_values)
def test_any_object_is_borne(changes: dict[str, Any], other: object) -> None:
    found = selection(gamma_market() | changes, other, gamma_market(-60, 900))
    assert gamma_market(-60, 900)["slug"] in {market.slug for market in found.markets}
    assert all(candidate.reason for candidate in found.candidates)
    json.dumps([market.slug for market in found.markets], ensure_ascii=False).encode()
