"""What a payload says about its merge: its unit, its kind, its time, and whether it is of its connection alone."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from common.core.events.kinds import NEW_MARKET
from common.core.market import canonical_condition_id

NO_MARKET = ""  # the unit of `new_market` and of all that names no market
_DIGITS = 16


class Content(msgspec.Struct, frozen=True, gc=False):
    """One message in one unit. `opening` if it answers a connection and is never merged; it may be in several units."""

    unit: str
    kind: str
    exchange_ms: int
    opening: bool = False


class _Head(msgspec.Struct, gc=False):
    event_type: msgspec.Raw | UnsetType = UNSET
    market: msgspec.Raw | UnsetType = UNSET
    timestamp: msgspec.Raw | UnsetType = UNSET
    bids: msgspec.Raw | UnsetType = UNSET
    asks: msgspec.Raw | UnsetType = UNSET


_OBJECT = msgspec.json.Decoder(_Head)
_ARRAY = msgspec.json.Decoder(list[_Head])
_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def contents_of(payload: bytes) -> tuple[Content, ...]:
    """Where a payload belongs: one unit, or for the array that opens a connection every market in it.

    Empty for what answers its connection alone and names no market: PONG and the other plain texts, `[]`, what is no
    JSON object or array. Never raises.
    """
    begin = payload.lstrip()[:1]
    try:
        if begin == b"{":
            return (_content(_OBJECT.decode(payload)),)
        return _of_array(_ARRAY.decode(payload)) if begin == b"[" else ()
    except _ERRORS:
        return (Content(NO_MARKET, "", 0),) if begin == b"{" else ()


def _of_array(heads: Sequence[_Head]) -> tuple[Content, ...]:
    found = [_content(head) for head in heads]
    if not all(head.bids is not UNSET or head.asks is not UNSET for head in heads):
        latest_ms = max(content.exchange_ms for content in found)
        return (msgspec.structs.replace(found[0], exchange_ms=latest_ms),)
    by_unit: dict[str, Content] = {}
    for content in found:
        earlier = by_unit.get(content.unit, content)
        latest_ms = max(earlier.exchange_ms, content.exchange_ms)
        by_unit[content.unit] = Content(content.unit, content.kind, latest_ms, opening=True)
    return tuple(by_unit.values())


def _content(head: _Head) -> Content:
    kind, market = _text(head.event_type), _text(head.market)
    unit = NO_MARKET if kind == NEW_MARKET else canonical_condition_id(market)
    return Content(unit, kind, _milliseconds(_text(head.timestamp)))


def _text(raw: msgspec.Raw | UnsetType) -> str:
    """The text of a string or a number, whichever the exchange sent; empty for anything else."""
    if raw is UNSET:
        return ""
    told = bytes(raw)
    text = told[1:-1] if told[:1] == b'"' else told if told[:1].isdigit() else b""
    return text.decode("utf-8", "replace")


def _milliseconds(text: str) -> int:
    """0 where it is not a time. A time in other units than milliseconds would be out of the bounds of `Order`."""
    return int(text) if len(text) <= _DIGITS and text.isascii() and text.isdigit() else 0
