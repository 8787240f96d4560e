"""What is said on the market websocket: subscriptions, pings, and how to tell market data at a glance."""

import re
from collections.abc import Sequence

import msgspec

from common.core.discovery.rolling_series import slug_marks
from common.core.discovery.wanted_markets import Wanted
from common.core.events.kinds import BOOK_WITHOUT_EVENT_TYPE, SUBSCRIBED_KINDS

PING = "PING"
PONG = b"PONG"

_MARKET_DATA_MARKS = (
    b'"price_change"',
    b'"book"',
    b'"bids"',
    b'"best_bid_ask"',
    b'"last_trade_price"',
    b'"tick_size_change"',
    b'"market_resolved"',
)
_NEW_MARKET = b'"new_market"'
_MARKET_RESOLVED = b'"market_resolved"'
_REFUSALS = frozenset({b"INVALID OPERATION", b"INVALID MESSAGE"})


class _Resolved(msgspec.Struct):
    assets_ids: list[str] = []


class _Kind(msgspec.Struct):
    event_type: str = BOOK_WITHOUT_EVENT_TYPE


_OF_SUBSCRIBED = SUBSCRIBED_KINDS - {BOOK_WITHOUT_EVENT_TYPE}
_KINDS = msgspec.json.Decoder(list[_Kind])
_RESOLVED = msgspec.json.Decoder(list[_Resolved] | _Resolved)


def subscribe_first(asset_ids: Sequence[str]) -> str:
    """The first frame of a session."""
    return _text({"assets_ids": list(asset_ids), "type": "market", "custom_feature_enabled": True})


def subscribe_more(asset_ids: Sequence[str]) -> str:
    """Add tokens to a session that has its first subscription."""
    return _text({"operation": "subscribe", "assets_ids": list(asset_ids), "custom_feature_enabled": True})


def unsubscribe(asset_ids: Sequence[str]) -> str:
    """Drop tokens from a session."""
    return _text({"operation": "unsubscribe", "assets_ids": list(asset_ids)})


def is_market_data(payload: bytes) -> bool:
    """Whether a message shows that the subscribed tokens are alive: data of a market, found without parsing.

    PONG and other plain texts do not, an empty opening array does not, and `new_market` does not: it is sent
    to every connection, also to one whose books are frozen. Beside it in an array there may be other events.
    """
    if _NEW_MARKET in payload:
        return payload.lstrip()[:1] == b"[" and _holds_more_than_new_markets(payload)
    for mark in _MARKET_DATA_MARKS:  # noqa: SIM110 - called for messages by the thousand: any() costs three times as much
        if mark in payload:
            return True
    return False


def is_opening_book(payload: bytes) -> bool:
    """Whether market data is a whole book as a subscription brings it: it tells the tick size, a refresh does not."""
    return has_book(payload) and b'"tick_size"' in payload and b'"price_change"' not in payload


def _holds_more_than_new_markets(payload: bytes) -> bool:
    try:
        return any(each.event_type in _OF_SUBSCRIBED for each in _KINDS.decode(payload))
    except msgspec.DecodeError:
        return False


def has_book(payload: bytes) -> bool:
    """Whether a message holds a whole book: an opening one, or a refresh."""
    return b'"bids"' in payload


def holds_news(payloads: bytes) -> bool:
    """Whether one of several messages, joined, may announce a market, settle one, or refuse a request of ours.

    A letter is found many times as fast as a word: of all that comes often nothing has a `w`, and a settlement names
    its winner. Nor has it a `V`, which every refusal has.
    """
    return (b"w" in payloads and (_NEW_MARKET in payloads or _MARKET_RESOLVED in payloads)) or (
        b"V" in payloads and b"INVALID " in payloads
    )


def is_refusal(payload: bytes) -> bool:
    """Whether a message says that the exchange did not understand a request of ours. It does not say which."""
    return payload.strip() in _REFUSALS


def hint_marks(wanted: Wanted) -> re.Pattern[bytes]:
    """What in an announcement shows that it may be about a market of the selection: names, as JSON writes them."""
    names = [mark for series in wanted.series for mark in slug_marks(series)]
    names += [item.name + '"' for item in wanted.items if item.kind in {"event", "market"}]
    names += [f"{item.name}{end}" for item in wanted.items if item.kind == "tag" for end in ('"', '\\"')]
    # A tag may be announced by its label: "World Cup" for world-cup.
    quoted = b"|".join(re.escape(name.encode()).replace(rb"\-", b"[- ]") for name in names) or b"(?!)"
    return re.compile(rb'"(?:' + quoted + rb")", re.IGNORECASE)


def is_new_market_hint(payload: bytes, marks: re.Pattern[bytes]) -> bool:
    """Whether a message announces a market of the selection that discovery may not know yet."""
    return _NEW_MARKET in payload and marks.search(payload) is not None


def resolved_tokens(payload: bytes) -> tuple[str, ...]:
    """The tokens that a `market_resolved` message settles; empty for every other message."""
    if _MARKET_RESOLVED not in payload:
        return ()
    try:
        found = _RESOLVED.decode(payload)
    except msgspec.DecodeError:
        return ()
    events = found if isinstance(found, list) else [found]
    return tuple(token for event in events for token in event.assets_ids)


def _text(message: dict[str, object]) -> str:
    return msgspec.json.encode(message).decode()
