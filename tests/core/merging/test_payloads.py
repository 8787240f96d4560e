from common.core.merging.lateness import Lateness
from common.core.merging.payloads import contents_of

MARKET = "0x" + "ab" * 32
SECOND = 1_000_000_000


def test_a_message_belongs_to_its_market_whatever_its_kind() -> None:
    (content,) = contents_of(
        b'{"market":"%s","timestamp":"1796000000123","event_type":"last_trade_price"}' % MARKET.encode()
    )
    assert (content.unit, content.kind, content.exchange_ms) == (MARKET, "last_trade_price", 1796000000123)
    assert not content.opening


def test_both_widths_of_a_condition_id_are_one_market() -> None:
    short = contents_of(b'{"market":"0x%s"}' % (b"AB" * 31))[0]
    assert short.unit == "0x" + "ab" * 31 + "00"


def test_the_array_that_opens_a_connection_is_in_every_market_that_it_names() -> None:
    books = b'[{"market":"m","bids":[],"asks":[],"timestamp":"5"},{"market":"m","bids":[],"timestamp":"7"},'
    contents = contents_of(books + b'{"market":"n","bids":[],"timestamp":"6"}]\n')
    assert [(each.unit, each.exchange_ms, each.opening) for each in contents] == [
        ("m", 7, True),
        ("n", 6, True),
    ]


def test_an_array_of_changes_is_merged_like_a_change() -> None:
    (content,) = contents_of(b'[{"market":"m","event_type":"price_change"},{"market":"m","timestamp":"7"}]')
    assert (content.unit, content.exchange_ms, content.opening) == ("m", 7, False)


def test_announcements_and_what_names_no_market_are_one_unit() -> None:
    for payload in (b'{"event_type":"new_market","market":"m"}', b"{}", b'{"market":[]}', b'{"torn'):
        assert [content.unit for content in contents_of(payload)] == [""]


def test_what_answers_one_connection_is_in_no_unit() -> None:
    for payload in (b"PONG", b"[]\n", b"INVALID OPERATION", b"", b"17", b"[1,2]", b"\xff"):
        assert contents_of(payload) == ()


def test_a_leg_is_behind_when_its_changes_come_late_and_not_because_a_market_is_quiet() -> None:
    leg = Lateness()
    assert leg.behind_ns("s", 100 * SECOND, "price_change", 99_000) == 0
    assert leg.behind_ns("s", 900 * SECOND, "last_trade_price", 99_000) == 0
    assert leg.behind_ns("s", 901 * SECOND, "price_change", 600_000) == 295 * SECOND
    assert leg.behind_ns("s", 902 * SECOND, "last_trade_price", 0) == 295 * SECOND
    assert leg.behind_ns("t", 903 * SECOND, "last_trade_price", 0) == 0
