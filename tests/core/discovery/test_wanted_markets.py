import pytest

from common.core.discovery.wanted_markets import BTC_SERIES, Item, event_item, market_item, wanted_markets

PAGE = "https://polymarket.com/event/who-wins/winner-3?tid=1795435800"


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("btc-updown-5m-1795435800", Item("market", "btc-updown-5m-1795435800")),
        ("0x" + "AB" * 32, Item("condition", "0x" + "ab" * 32)),
        ("0x" + "ab" * 31, Item("condition", "0x" + "ab" * 31)),
        (PAGE, Item("market", "winner-3")),
        ("polymarket.com/event/who-wins", Item("event", "who-wins")),
        ("https://www.polymarket.com/de/event/who-wins/winner-3/", Item("market", "winner-3")),
        ("https://polymarket.com/market/winner-3#comments", Item("market", "winner-3")),
    ],
)
def test_a_market_is_named_by_slug_condition_id_or_page(text: str, item: Item) -> None:
    assert market_item(text) == item


def test_an_event_is_named_by_slug_or_by_any_of_its_pages() -> None:
    assert event_item("who-wins") == event_item(PAGE) == Item("event", "who-wins")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "../x",
        "https://example.com/event/x",
        "https://polymarket.com/",
        "https://polymarket.com/event/",
        "https://polymarket.com/event/..%2F..%2Fx",
        "https://[bad",
        "http://polymarket.com.evil.org/event/x",
    ],
)
def test_what_names_no_market_is_refused_by_its_text(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        market_item(text)
    with pytest.raises(ValueError, match="is not"):
        event_item(text)


def test_the_items_know_what_they_are_together() -> None:
    default = wanted_markets(BTC_SERIES, (), (), ())
    assert default.is_default
    assert default.is_bitcoin_only
    one = wanted_markets(("btc-up-or-down-5m",), (), (), ())
    assert (one.is_default, one.is_bitcoin_only, one.series) == (False, True, ("btc-up-or-down-5m",))
    for other in (
        wanted_markets(("eth-up-or-down-5m",), (), (), ()),
        wanted_markets((), ("bitcoin",), (), ()),
    ):
        assert not other.is_bitcoin_only
    twice = wanted_markets((), (), ("who-wins",), ("https://polymarket.com/event/who-wins",))
    assert twice.labels == {"event who-wins"}
