from decimal import Decimal

from common.core.reference.frames import Channel, ReferencePrice
from common.core.reference.heard import Heard

NS = 1_000_000_000


def price(at_ns: int | None, value: str, channel: Channel = "chainlink", number: int = 0) -> ReferencePrice:
    return ReferencePrice(channel, "btc", "btc/usd", Decimal(value), at_ns, number)


def test_the_same_price_again_is_repeated_and_an_older_one_out_of_order() -> None:
    heard = Heard()
    told = [heard.note(each, 0) for each in (price(1, "5"), price(2, "5"), price(2, "5"), price(1, "5"))]
    assert told == ["new", "new", "repeated", "disordered"]
    assert heard.note(price(2, "6"), 0) == "new", "one instant may have two values"
    assert heard.note(price(1, "5", "twap_sixty"), 0) == "new", "each channel has an order of its own"


def test_quotes_without_a_time_are_ordered_by_their_numbers() -> None:
    heard = Heard()
    told = [heard.note(price(None, "5", "binance_quote", number), 0) for number in (7, 8, 8, 6)]
    assert told == ["new", "new", "repeated", "disordered"]


def test_a_coin_is_quiet_from_its_subscription_on_and_no_more_once_it_is_heard() -> None:
    heard = Heard()
    heard.wanted(["chainlink", "twap_sixty"], ["btc"], 0)
    assert heard.quiet(10 * NS, 10 * NS) == ()
    heard.note(price(1, "5"), 11 * NS)
    assert heard.quiet(12 * NS, 10 * NS) == ("btc twap_sixty",)
