"""Discovery against the embedded exchange while Gamma is wrong in every way that it knows."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.config import DiscoverySettings, ExchangeSettings, Settings
from common.core.instants import parse_utc_ns
from common.core.market import DiscoveryFile, Market
from common.polymarket.gamma.discover import Discoverer, discover
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.options import SimulationOptions

pytestmark = pytest.mark.unmeasured

SERIES = ("btc-up-or-down-5m", "eth-up-or-down-15m")
WANTED = DiscoverySettings(series=SERIES, tags=("elections",), events=("cup-winner",))
TEAMS, QUESTIONS = 20, 1

Fault = dict[str, str | int]
LISTING: list[Fault] = [
    {"kind": "empty"},
    {"kind": "empty", "by_slug": "true"},
    {"kind": "missing"},
    {"kind": "missing", "by_slug": "true"},
    {"kind": "closed"},
    {"kind": "inactive"},
    {"kind": "inactive", "by_slug": "true"},
    {"kind": "bad_ids"},
    {"kind": "bad_ids", "by_slug": "true"},
    {"kind": "no_ids", "by_slug": "true"},
    {"kind": "bad_dates", "by_slug": "true"},
    {"kind": "lost_tag", "tag": SERIES[0], "by_slug": "true"},
    {"kind": "lost_tag", "tag": "bitcoin", "by_slug": "true"},
    {"kind": "lost_tag", "tag": "elections", "by_slug": "true"},
    {"kind": "same_page"},
    {"kind": "last_page_fails", "status": 500},
    {"kind": "wrong_order"},
    {"kind": "version", "version": "v3", "field": "outcomeIds"},
    {"kind": "both_ids"},
    {"kind": "hex", "digits": 62},
    {"kind": "hex", "digits": 63},
    {"kind": "hex", "digits": 64},
]
OTHER: list[tuple[str, Fault]] = [
    ("gamma", {"kind": "status", "status": 500, "count": 3}),
    ("gamma", {"kind": "html", "count": 3}),
    ("gamma", {"kind": "error_body", "count": 3}),
    ("date", {"offset_seconds": -280}),
    ("mutate", {"where": "market", "change": "remove", "path": "conditionId"}),
    ("mutate", {"where": "market", "change": "rename", "path": "slug", "to": "name"}),
    ("mutate", {"where": "market", "change": "remove", "path": "version"}),
    ("mutate", {"where": "event", "change": "rename", "path": "markets", "to": "children"}),
    ("mutate", {"where": "event", "change": "remove", "path": "seriesSlug"}),
    ("mutate", {"where": "event", "change": "remove", "path": "slug"}),
]
EVERY = [*(("listing", fault) for fault in LISTING), *OTHER]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedExchange]:
    with EmbeddedExchange(SimulationOptions(rate=0), tmp_path_factory.mktemp("exchange")) as exchange:
        yield exchange


@pytest.fixture
def exchange(running: EmbeddedExchange) -> Iterator[EmbeddedExchange]:
    yield running
    running.fault("clear")


def settings_for(exchange: EmbeddedExchange) -> Settings:
    urls = exchange.urls
    return Settings(
        exchange=ExchangeSettings(gamma_url=urls.gamma_url, clob_url=urls.clob_url), discovery=WANTED
    )


def due(file: DiscoveryFile, now_ns: int, *, grace_seconds: float = 0) -> dict[str, Market]:
    """The markets that must still be recorded now."""
    grace_ns = int(grace_seconds * 1e9)
    return {
        market.slug: market
        for market in file.markets
        if not market.end_time_utc or parse_utc_ns(market.end_time_utc) + grace_ns > now_ns
    }


def test_all_is_well_with_a_gamma_that_is(exchange: EmbeddedExchange) -> None:
    found = discover(settings_for(exchange), time.time_ns())
    assert (found.problems, found.warnings) == ((), ())
    kinds = [market.selected_by[0].partition(" ")[0] for market in found.markets]
    assert kinds.count("event") == TEAMS
    assert kinds.count("tag") == QUESTIONS
    assert {market.series for market in found.markets if market.end_time_utc} == set(SERIES)
    assert {market.protocol for market in found.markets} == {"v1", "v2"}


@pytest.mark.parametrize(("name", "fault"), EVERY, ids=lambda value: str(value).replace("/", "-"))
def test_nothing_that_is_recorded_is_dropped(
    exchange: EmbeddedExchange, tmp_path: Path, name: str, fault: Fault
) -> None:
    discoverer, path = Discoverer(settings_for(exchange)), tmp_path / "found.json"
    before = discoverer.refresh(path, time.time_ns()).file
    exchange.fault(name, **fault)
    after = discoverer.refresh(path, time.time_ns()).file
    kept = {market.slug: market for market in after.markets}
    for slug, market in due(
        before, time.time_ns(), grace_seconds=WANTED.market_end_grace_seconds - 2
    ).items():
        assert slug in kept, (slug, after.problems)
        assert set(market.tokens) <= set(kept[slug].tokens)


@pytest.mark.parametrize("kind", ["missing", "closed", "inactive", "bad_ids", "no_ids", "bad_dates"])
def test_windows_that_only_a_list_has_wrong_are_asked_for_by_name(
    exchange: EmbeddedExchange, kind: str
) -> None:
    settings = settings_for(exchange)
    truth = discover(settings, time.time_ns())
    exchange.fault("listing", kind=kind)
    found = discover(settings, time.time_ns())
    slugs = {market.slug for market in found.markets}
    missing = {
        slug for slug, market in due(truth, time.time_ns()).items() if market.series and slug not in slugs
    }
    assert missing == set()


@pytest.mark.parametrize(("name", "fault"), EVERY, ids=lambda value: str(value).replace("/", "-"))
def test_who_starts_with_such_a_gamma_records_all_or_says_what_is_missing(
    exchange: EmbeddedExchange, name: str, fault: Fault
) -> None:
    truth = discover(settings_for(exchange), time.time_ns())
    exchange.fault(name, **fault)
    found = discover(settings_for(exchange), time.time_ns())
    tokens = {token.token_id for market in found.markets for token in market.tokens}
    for market in due(truth, time.time_ns() + 10**9).values():
        has_all = {token.token_id for token in market.tokens} <= tokens
        assert has_all or found.problems, (market.slug, found.candidates)
    assert not found.confirmed_empty
