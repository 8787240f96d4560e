import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.core.gamma_market import longest_window_seconds, series_of
from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.market import Candidate, Market
from common.core.selection import Rules, keep_ending, select_markets

NOON = parse_utc_ns("2026-11-23T12:00:00Z")
SERIES = ("btc-up-or-down-5m", "btc-up-or-down-15m", "btc-up-or-down-hourly")
RULES = Rules(series=SERIES, lookahead_seconds=600, market_end_grace_seconds=180)


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


def select(*objects: object, rules: Rules = RULES) -> tuple[tuple[Market, ...], tuple[Candidate, ...]]:
    return select_markets(objects, now_ns=NOON, rules=rules)


def reason_for(raw: object) -> str:
    markets, candidates = select(raw)
    assert markets == ()
    assert not candidates[0].taken
    return candidates[0].reason


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
    limited = Rules(SERIES, 600, 180, market_limit=1)
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
        ({"active": False}, "not active"),
        ({"enableOrderBook": False}, "it has no order book"),
        ({"events": [{"seriesSlug": "eth-up-or-down-5m"}]}, "of a series that is not asked for"),
        ({"events": "absent", "slug": "btc-above-90k"}, "its series is unknown"),
        ({"slug": "../../etc/passwd"}, "its slug is not made of a-z, 0-9 and -, at most 80 characters"),
        ({"slug": "a" * 81}, "its slug is not made of a-z, 0-9 and -, at most 80 characters"),
        ({"slug": None}, "its slug is not made of a-z, 0-9 and -, at most 80 characters"),
        ({"conditionId": "absent"}, "its conditionId is missing or malformed"),
        ({"conditionId": "0x" + "z" * 64}, "its conditionId is missing or malformed"),
        ({"clobTokenIds": "absent"}, "it has no token ids yet"),
        ({"clobTokenIds": "[]"}, "it has no token ids yet"),
        ({"clobTokenIds": "[not json"}, "it has no token ids yet"),
        ({"clobTokenIds": '["1"]'}, "it has not exactly two distinct tokens"),
        ({"clobTokenIds": ["1", "1"]}, "it has not exactly two distinct tokens"),
        ({"clobTokenIds": ["1", "2", "3"]}, "it has not exactly two distinct tokens"),
        ({"clobTokenIds": ["1", 2]}, "a token id is not a decimal string of at most 78 digits"),
        ({"clobTokenIds": ["1", "2" * 79]}, "a token id is not a decimal string of at most 78 digits"),
        ({"clobTokenIds": ["1", ""]}, "a token id is not a decimal string of at most 78 digits"),
        ({"outcomes": '["Up"]'}, "its two outcomes are not named"),
        ({"outcomes": ["Up", 2]}, "its two outcomes are not named"),
        ({"endDate": "absent"}, "its endDate is missing"),
        ({"endDate": "soon"}, "its endDate is no date"),
        ({"eventStartTime": "0001-13-01"}, "its eventStartTime is no date"),
        ({"eventStartTime": "2026-11-24T00:00:00Z"}, "its window ends before it starts"),
    ],
)
def test_what_cannot_be_recorded_is_left_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    assert reason_for(gamma_market(**changes)) == reason


def test_lists_are_taken_as_such_or_as_json_in_a_string() -> None:
    as_text = select(gamma_market())[0]
    as_list = select(
        gamma_market(clobTokenIds=[t.token_id for t in as_text[0].tokens], outcomes=["Up", "Down"])
    )[0]
    assert as_list == as_text


def test_a_halted_window_is_recorded_but_one_that_never_opened_waits() -> None:
    assert len(select(gamma_market(-60, acceptingOrders=False))[0]) == 1
    assert reason_for(gamma_market(60, acceptingOrders=False)).startswith("accepts no orders yet")


def test_a_missing_start_follows_from_the_length_of_the_series() -> None:
    assert select(gamma_market(eventStartTime="absent"))[0] == select(gamma_market())[0]
    strange = gamma_market(eventStartTime=None, events=[{"seriesSlug": "btc-odd"}])
    assert (
        select(strange, rules=Rules(("btc-odd",), 600, 180))[1][0].reason == "its eventStartTime is missing"
    )


def test_of_two_copies_the_one_updated_last_counts() -> None:
    newer = gamma_market(updatedAt="2026-11-23T11:30:00Z", closed=True)
    older = gamma_market(updatedAt="2026-11-23T11:00:00Z")
    undated = gamma_market(updatedAt="yesterday")
    for objects in ([newer, older, undated], [undated, older, newer]):
        markets, candidates = select(*objects)
        assert markets == ()
        reasons = sorted(candidate.reason for candidate in candidates)
        assert reasons == ["an older copy of a market named twice"] * 2 + [
            "closed: settled tokens have no book"
        ]


def test_hostile_names_are_shown_harmlessly() -> None:
    candidate = select(gamma_market(slug="\x1b[31m" + "x" * 200))[1][0]
    assert candidate.slug == "?[31m" + "x" * 75


@pytest.mark.parametrize(
    ("slug", "series"),
    [
        ("btc-updown-5m-1784850900", "btc-up-or-down-5m"),
        ("btc-updown-15m-1784850900", "btc-up-or-down-15m"),
        ("btc-updown-4h-1784850900", "btc-up-or-down-4h"),
        ("bitcoin-up-or-down-july-24-2026-8am-et", "btc-up-or-down-hourly"),
        ("bitcoin-up-or-down-july-24-12pm-et", "btc-up-or-down-hourly"),
        ("bitcoin-up-or-down-on-july-24-2026", "btc-up-or-down-daily"),
        ("bitcoin-above-90k-on-july-24", None),
        (None, None),
    ],
)
def test_without_events_the_series_follows_from_the_slug(slug: str | None, series: str | None) -> None:
    assert series_of({"slug": slug}) == series
    assert series_of({"slug": slug, "events": [{"seriesSlug": ""}, "odd"]}) == series


def test_the_longest_window_bounds_what_is_asked_for() -> None:
    assert longest_window_seconds(("btc-up-or-down-5m", "btc-up-or-down-15m")) == 900
    assert longest_window_seconds(("btc-up-or-down-5m", "something-else")) == 90_000


def test_a_market_that_gamma_closes_early_stays_until_its_grace_ends() -> None:
    ended, long_over, going_on = (
        select_markets([gamma_market(start)], now_ns=NOON + start * NS_PER_SECOND, rules=RULES)[0][0]
        for start in (-310, -600, -60)
    )
    kept = keep_ending([ended, long_over, going_on], [], now_ns=NOON, grace_seconds=180)
    assert kept == (ended,)
    assert keep_ending([ended], [going_on, ended], now_ns=NOON, grace_seconds=180) == (going_on, ended)


odd_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.just('["1","2"]'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(gamma_market())), odd_values, max_size=4), odd_values)
def test_any_object_is_borne(changes: dict[str, Any], other: object) -> None:
    _, candidates = select(gamma_market() | changes, other, gamma_market())
    assert len(candidates) == 3
    assert all(candidate.reason for candidate in candidates)
