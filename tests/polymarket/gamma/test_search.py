from common.polymarket.gamma.search import Match, search
from tests.core.discovery.test_selection import NOON, question
from tests.doubles.gamma import FakeGamma, fake_gamma
from tests.polymarket.test_discovery import settings_for, window


def matches(gamma: FakeGamma, text: str) -> set[tuple[str, str]]:
    return {(match.kind, match.name) for match in search(settings_for(gamma), text, NOON)}


def test_without_a_search_of_its_own_the_open_events_are_looked_through() -> None:
    rain = question(
        question="Will it rain in Åland?", events=[{"slug": "rain", "tags": [{"slug": "weather"}]}]
    )
    with fake_gamma(window(-60), rain) as gamma:
        assert matches(gamma, "Weather") == {("tag", "weather")}
        assert matches(gamma, "will RAIN") == {("market", "will-it-rain")}
        assert matches(gamma, "åland") == {("market", "will-it-rain")}
        assert matches(gamma, "nothing like it") == set()


def test_a_series_stands_for_its_windows() -> None:
    with fake_gamma(window(-60), window(240)) as gamma:
        for each in gamma.markets:
            each["events"][0]["series"] = [{"slug": "btc-up-or-down-5m", "title": "BTC Up or Down 5m"}]
        assert search(settings_for(gamma), "btc 5m", NOON) == (
            Match("series", "btc-up-or-down-5m", "BTC Up or Down 5m"),
        )
