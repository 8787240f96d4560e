"""Markets without a window, and series of other coins."""

import json
from collections import Counter

import pytest

from common.simulation.gamma.objects import GammaObjects
from common.simulation.markets.book import ONE
from common.simulation.markets.frames import opening_book
from common.simulation.markets.listing import Listing
from common.simulation.markets.model import MarketModel
from tests.simulation.markets.test_model import NOW_MS, current, rebuild, run

NOW_S = NOW_MS // 1000
YEAR_MS = 365 * 86_400 * 1000


def standing(model: MarketModel) -> list[Listing]:
    return [one for one in model.calendar.by_slug.values() if one.window is None]


def test_twenty_teams_of_one_event_share_one_chance() -> None:
    model = MarketModel(1, 300, NOW_MS)
    teams = model.calendar.by_event["cup-winner"]
    assert len(teams) == 20
    assert {team.protocol for team in teams} == {"v1", "v2"}
    assert 0.8 * ONE < sum(model.fair(team, NOW_MS) for team in teams) < 1.2 * ONE
    event = GammaObjects(model).event(teams[0].event, NOW_S)
    assert event["negRisk"]
    assert [market["slug"] for market in event["markets"]] == [team.slug for team in teams]
    assert all(market["negRisk"] and "events" not in market for market in event["markets"])
    assert "series" not in event
    assert "startTime" not in event


@pytest.mark.parametrize("slug", ["will-team-1-win-the-cup", "will-team-20-win-the-cup", "bkcl-zal-par"])
def test_every_hash_of_a_market_without_a_window_recomputes(slug: str) -> None:
    model = MarketModel(1, 300, NOW_MS)
    listing = model.calendar.by_slug[slug]
    market = model.market(listing.token_ids[0], NOW_MS)
    assert market is not None
    opening = f"[{opening_book(market.book, 0)},{opening_book(market.book, 1)}]"
    books = rebuild(opening, list(run(model, market, 60)), neg_risk=listing.event.neg_risk)
    assert books.failures == []
    assert books.checked > 500


def test_levels_lie_on_the_grid_of_every_tick() -> None:
    model = MarketModel(1, 300, NOW_MS)
    ticks = Counter(listing.tick for listing in standing(model))
    assert set(ticks) == {100, 50, 25, 10}
    for listing in [*standing(model), current(model, "sol").listing]:
        market = model.market(listing.token_ids[0], NOW_MS)
        assert market is not None
        list(run(model, market, 20))
        prices = [*market.book.bids.from_best(), *market.book.asks.from_best()]
        assert all(price % market.book.tick == 0 for price in prices)
        assert 60 < len(prices) < 250
        assert any(price % 100 for price in prices) or market.book.tick == 100


def test_half_a_cent_becomes_finer_near_the_ends_too() -> None:
    model = MarketModel(3, 20, NOW_MS)
    frames = list(run(model, current(model, "sol"), 28))
    changes = [json.loads(frame.text) for frame in frames if frame.kind == "tick_size_change"]
    assert [(one["old_tick_size"], one["new_tick_size"]) for one in changes] == [("0.005", "0.001")] * 2


def test_a_quarter_of_a_cent_becomes_a_hundredth_of_one_and_hashes_hold() -> None:
    model = MarketModel(1, 300, NOW_MS)
    listing = model.calendar.by_slug["bkcl-zal-par"]
    market = model.market(listing.token_ids[0], NOW_MS)
    assert market is not None
    opening = f"[{opening_book(market.book, 0)},{opening_book(market.book, 1)}]"
    frames = [frame for step in range(400) for frame in market.group(NOW_MS + step * 20, ONE - 50)]
    changes = [json.loads(frame.text) for frame in frames if frame.kind == "tick_size_change"]
    assert [(one["old_tick_size"], one["new_tick_size"]) for one in changes] == [("0.0025", "0.0001")] * 2
    assert any(price % 25 for price in market.book.bids.from_best())
    assert rebuild(opening, frames).failures == []


def test_a_market_without_a_window_stays_open_whatever_its_end_date() -> None:
    model = MarketModel(1, 300, NOW_MS)
    overdue = model.calendar.by_slug["will-the-new-government-be-sworn-in"]
    model.roll(NOW_MS + YEAR_MS)
    for at_ms in (NOW_MS, NOW_MS + YEAR_MS):
        shown = GammaObjects(model).market(overdue, at_ms / 1000)
        assert shown["endDate"] < "2025-12-23"
        assert not shown["closed"]
        assert shown["acceptingOrders"]
        assert "eventStartTime" not in shown
        assert model.market(overdue.token_ids[0], at_ms) is not None


def test_outcomes_may_have_any_name_and_an_end_date_may_be_missing() -> None:
    model = MarketModel(1, 300, NOW_MS)
    match = GammaObjects(model).market(model.calendar.by_slug["bkcl-zal-par"], NOW_S)
    assert json.loads(match["outcomes"]) == ["Žalgiris Kaunas", 'Partizan "Mozzart Bet"']
    assert "endDate" not in match


def test_a_crowd_is_listed_and_trades_when_asked_for() -> None:
    model = MarketModel(1, 300, NOW_MS, more=6000)
    crowd = [one for one in standing(model) if ("Crowd", "crowd") in one.event.tags]
    assert len({one.condition_id for one in crowd}) == 6000
    assert len({one.event.id for one in crowd}) == 6000
    assert model.market(crowd[5999].token_ids[1], NOW_MS) is not None


def test_the_same_seed_lists_the_same_ids_and_no_two_markets_share_one() -> None:
    one, other = (MarketModel(1, 300, NOW_MS).calendar for _ in range(2))
    assert one.by_slug == other.by_slug
    assert len(one.by_token) == 2 * len(one.by_slug)
    assert len({listing.id for listing in one.by_slug.values()}) == len(one.by_slug)


def test_windows_come_and_go_with_the_clock_and_nothing_is_kept_of_those_gone() -> None:
    model = MarketModel(1, 20, NOW_MS)
    before = set(model.calendar.by_slug)
    for minute in range(1, 61):
        model.roll(NOW_MS + minute * 60_000 + 7000)
    calendar = model.calendar
    assert abs(len(calendar.by_slug) - len(before)) <= 6
    assert len(calendar.by_token) == 2 * len(calendar.by_slug)
    assert set(calendar.events) == set(calendar.by_event)
    assert {one.slug for one in standing(model)} <= before
    fresh = MarketModel(1, 20, NOW_MS + 3_607_000).calendar
    assert set(fresh.by_slug) == set(calendar.by_slug)
