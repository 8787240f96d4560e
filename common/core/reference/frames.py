"""What a frame of a reference source says: typed prices, exact as decimals, with the source's own time.

RTDS tells Chainlink's price and its average over a minute, which is what settles an up/down window; Binance's public
streams are for comparison. Nothing here raises for what a source sends: a frame that holds no price has only a kind.
"""

from decimal import Decimal
from functools import lru_cache
from typing import Literal

import msgspec

Channel = Literal["chainlink", "twap_sixty", "binance_trade", "binance_quote"]

TOPICS: dict[str, Channel] = {
    "crypto_prices_chainlink": "chainlink",
    "crypto_prices_twap_sixty": "twap_sixty",
}
SETTLING: Channel = "twap_sixty"  # at the end of a window at least what it was at its start: Up
PONG, EMPTY, NOT_JSON, NOT_UTF8 = "PONG", "empty", "not_json", "not_utf8"
REFUSED, ANSWERED, UNKNOWN = "refused", "answered", "unknown:"
MS = 1_000_000
_MOST_KIND_CHARS = 80
_BINANCE_BEGIN = b'{"stream"'
_E18 = "E-18"  # `full_accuracy_value` is a whole number of these
_DOLLARS = ("usdt", "usdc", "usd")


class ReferencePrice(msgspec.Struct, frozen=True, gc=False):
    """One price of one coin. `at_ns` is the source's own time, None where the frame has none (Binance's quotes).

    `symbol` is as the source wrote it, `coin` the part that markets are named after: `btc` for `btc/usd` and
    `BTCUSDT`. The value of a quote is the middle between `bid` and `ask`. `number` is Binance's number of the trade or
    of the change of the book, 0 where there is none.
    """

    channel: Channel
    coin: str
    symbol: str
    value: Decimal
    at_ns: int | None
    number: int = 0
    bid: Decimal | None = None
    ask: Decimal | None = None


class ReferenceFrame(msgspec.Struct, frozen=True, gc=False):
    """A frame: its kind, as it is in `classified_event_types`, the prices in it, and what was refused.

    The kind is the topic (RTDS) or the stream (`trade`, `bookTicker`), `PONG`, `empty`, `answered` (a request was
    taken), `refused`, `not_json`, `not_utf8`, or `unknown:` and the source's own word.
    """

    kind: str
    prices: tuple[ReferencePrice, ...] = ()
    refusal: str = ""


class _Told(msgspec.Struct, gc=False):
    timestamp: int
    value: Decimal | None = None
    full_accuracy_value: str | None = None


class _Payload(msgspec.Struct, gc=False):
    symbol: str = ""
    timestamp: int | None = None
    value: Decimal | None = None
    full_accuracy_value: str | None = None
    data: list[_Told] = []


class _Rtds(msgspec.Struct, gc=False):
    topic: str
    payload: _Payload


class _Trade(msgspec.Struct, gc=False):
    s: str
    p: Decimal
    T: int
    t: int = 0


class _Quote(msgspec.Struct, gc=False):
    s: str
    b: Decimal
    a: Decimal
    u: int = 0


class _Binance(msgspec.Struct, gc=False):
    stream: str
    data: msgspec.Raw


class _Outline(msgspec.Struct, gc=False):
    """What tells the frames apart that hold no price: answers, refusals, and the unknown."""

    topic: str = ""
    stream: str = ""
    id: int | str | None = None
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    status: int = msgspec.field(default=0, name="statusCode")
    message: str = ""
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    e: str = ""


_RTDS = msgspec.json.Decoder(_Rtds)
_BINANCE = msgspec.json.Decoder(_Binance)
_TRADE, _QUOTE = msgspec.json.Decoder(_Trade), msgspec.json.Decoder(_Quote)
_OUTLINE, _ANY = msgspec.json.Decoder(_Outline), msgspec.json.Decoder(msgspec.Raw)


def read_frame(payload: bytes) -> ReferenceFrame:
    """What a frame says, whichever source it is of. Never raises."""
    begins_as_binance = payload.startswith(_BINANCE_BEGIN)  # what is tried in vain costs more than the rest
    for read in (_of_binance, _of_rtds) if begins_as_binance else (_of_rtds, _of_binance):
        try:
            return read(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, ArithmeticError):
            continue
    return _without_price(payload)


def _of_rtds(payload: bytes) -> ReferenceFrame:
    frame = _RTDS.decode(payload)
    told, channel = frame.payload, TOPICS.get(frame.topic)
    if channel is None or not told.symbol:
        raise ValueError("no price of a topic that is known")
    listed = list(told.data)
    if told.timestamp is not None:
        listed.append(_Told(told.timestamp, told.value, told.full_accuracy_value))
    coin = coin_of(told.symbol)
    prices = tuple(
        ReferencePrice(channel, coin, told.symbol, _exact(each), each.timestamp * MS) for each in listed
    )
    return ReferenceFrame(frame.topic, prices)


def _exact(told: _Told) -> Decimal:
    """The value to its last digit, where the frame has it so. Raises ValueError, ArithmeticError."""
    if told.full_accuracy_value is not None:
        return _number(Decimal(str(int(told.full_accuracy_value)) + _E18))
    if told.value is None:
        raise ValueError("no value")
    return _number(told.value)


def _number(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError("not a number")
    return value


def _of_binance(payload: bytes) -> ReferenceFrame:
    frame = _BINANCE.decode(payload)
    stream = frame.stream.partition("@")[2]
    if stream == "trade":
        trade = _TRADE.decode(frame.data)
        value = _number(trade.p)
        price = ReferencePrice(
            "binance_trade", coin_of(trade.s), trade.s, value, trade.T * MS, number=trade.t
        )
    elif stream == "bookTicker":
        quote = _QUOTE.decode(frame.data)
        bid, ask = _number(quote.b), _number(quote.a)
        coin, middle = coin_of(quote.s), (bid + ask) / 2
        price = ReferencePrice("binance_quote", coin, quote.s, middle, None, quote.u, bid, ask)
    else:
        raise ValueError("no price of a stream that is known")
    return ReferenceFrame(stream, (price,))


def _without_price(payload: bytes) -> ReferenceFrame:
    try:
        text = payload.decode().strip()
    except UnicodeDecodeError:
        return ReferenceFrame(NOT_UTF8)
    if text in ("", PONG):
        return ReferenceFrame(text or EMPTY)
    try:
        _ANY.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return ReferenceFrame(NOT_JSON)
    try:
        outline = _OUTLINE.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return ReferenceFrame(UNKNOWN + "shape")
    return _kind_of(outline, text)


def _kind_of(outline: _Outline, text: str) -> ReferenceFrame:
    named = outline.topic or outline.stream or outline.e
    if named:
        return ReferenceFrame(UNKNOWN + _printable(named))
    has_error = outline.error is not msgspec.UNSET or bool(outline.message)
    if has_error or outline.status >= 400:
        return ReferenceFrame(REFUSED, refusal=_printable(text, 300))
    if outline.result is not msgspec.UNSET or outline.status:
        return ReferenceFrame(ANSWERED)
    return ReferenceFrame(UNKNOWN + "no_topic")


def _printable(text: str, most: int = _MOST_KIND_CHARS) -> str:
    return "".join(char if " " <= char <= "~" else "?" for char in text[:most])


@lru_cache(maxsize=256)
def coin_of(symbol: str) -> str:
    """`btc` for `btc/usd`, `BTCUSDT` and `btcusdt`; the whole symbol in lower case where it names no dollar."""
    lower = symbol.lower()
    base, slash, _ = lower.partition("/")
    if slash:
        return base
    return next((lower.removesuffix(end) for end in _DOLLARS if lower.endswith(end) and lower != end), lower)
