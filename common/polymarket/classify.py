"""What kind of message a payload is, decided once per message and without building its objects."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from common.core.events.kinds import (
    BOOK_WITHOUT_EVENT_TYPE,
    EMPTY_ARRAY,
    MARKET_KINDS,
    NOT_JSON,
    NOT_UTF8,
    PLAIN_TEXTS,
)
from common.core.json_splice import one_line, splice, utf8_error_text
from common.core.rows.websocket import Classified

UNKNOWN = "unknown:"
MAX_KIND_CHARS = 80
MAX_KINDS = 32  # distinct kinds that one message can name; more become `unknown:and_more`

_LONGEST_PLAIN_TEXT = 32
_Text = str | UnsetType


class _Change(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    asset_id: _Text = UNSET
    price: _Text = UNSET
    size: _Text = UNSET
    side: _Text = UNSET
    hash: _Text = UNSET
    best_bid: _Text = UNSET
    best_ask: _Text = UNSET


class _Level(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    price: _Text = UNSET
    size: _Text = UNSET


class _Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The frequent kinds: shallow, nothing but texts. What fits needs no look at nesting and numbers."""

    event_type: _Text = UNSET
    market: _Text = UNSET
    asset_id: _Text = UNSET
    timestamp: _Text = UNSET
    hash: _Text = UNSET
    price_changes: list[_Change] | UnsetType = UNSET
    bids: list[_Level] | UnsetType = UNSET
    asks: list[_Level] | UnsetType = UNSET
    tick_size: _Text = UNSET
    last_trade_price: _Text = UNSET
    best_bid: _Text = UNSET
    best_ask: _Text = UNSET
    spread: _Text = UNSET
    price: _Text = UNSET
    size: _Text = UNSET
    fee_rate_bps: _Text = UNSET
    side: _Text = UNSET
    transaction_hash: _Text = UNSET
    old_tick_size: _Text = UNSET
    new_tick_size: _Text = UNSET


class _AnyObject(msgspec.Struct, gc=False):
    event_type: msgspec.Raw | UnsetType = UNSET
    bids: msgspec.Raw | UnsetType = UNSET
    asks: msgspec.Raw | UnsetType = UNSET


_PLAIN = msgspec.json.Decoder(_Plain | list[_Plain])
_PLAIN_OBJECT = msgspec.json.Decoder(_Plain)
_ANY_OBJECT = msgspec.json.Decoder(_AnyObject)
_ANY_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_ANY_TEXT = msgspec.json.Decoder(str)


def classify(payload: bytes, _opcode: int = 1) -> Classified:
    """Classify any payload; never raises. A binary frame is read like a text frame.

    Kinds that are neither known (the exchange's own kinds) nor named above are `unknown:<event_type>`,
    cut and printable; an object without `event_type` that is not a book is `unknown:no_event_type`, one whose
    `event_type` is not text `unknown:event_type_not_text`, anything but an object `unknown:not_an_object`.
    `not_json` holds all that some strict reader would refuse; `json_error` says why.
    """
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        return Classified(None, None, utf8_error_text(error), (NOT_UTF8,))
    if len(payload) <= _LONGEST_PLAIN_TEXT and text.strip() in PLAIN_TEXTS:
        return Classified(text, None, None, (text.strip(),))
    try:
        plain = _PLAIN.decode(payload)
    except msgspec.DecodeError:
        return _classify_unusual(payload, text)
    if isinstance(plain, list):
        kinds = _distinct([_plain_kind(each) for each in plain])
    else:
        kinds = (_plain_kind(plain),)
    return Classified(text, one_line(payload), None, kinds)


def usual_kinds(payloads: Sequence[bytes]) -> list[str] | None:
    """The one kind of each payload, if all are what comes all the time: an object as `_Plain`, in ASCII, on one line.

    None if any is not. For the others `classify` gives this kind, and the stripped payload as its JSON.
    """
    together = b"".join(payloads)
    if b"\n" in together or b"\r" in together or not together.isascii():
        return None
    decode = _PLAIN_OBJECT.decode
    try:
        kinds = [decode(payload).event_type for payload in payloads]
    except msgspec.DecodeError:
        return None
    return kinds if MARKET_KINDS.issuperset(kinds) else None  # type: ignore[return-value] # so none is UNSET


def _plain_kind(message: _Plain) -> str:
    if message.event_type in MARKET_KINDS:
        return str(message.event_type)
    if message.event_type is UNSET:
        return _untyped_kind(is_book=message.bids is not UNSET and message.asks is not UNSET)
    return _unknown_kind(str(message.event_type))


def _classify_unusual(payload: bytes, text: str) -> Classified:
    spliced = splice(payload)
    if spliced.value is None:
        return Classified(text, None, spliced.error, (NOT_JSON,))
    if spliced.value.startswith(b"["):
        kinds = _distinct([_kind(bytes(each)) for each in _ANY_ARRAY.decode(spliced.value)])
    else:
        kinds = (_kind(spliced.value),)
    return Classified(text, spliced.value, None, kinds)


def _kind(value: bytes) -> str:
    try:
        message = _ANY_OBJECT.decode(value)
    except msgspec.ValidationError:
        return UNKNOWN + "not_an_object"
    if message.event_type is UNSET:
        return _untyped_kind(is_book=message.bids is not UNSET and message.asks is not UNSET)
    try:
        kind = _ANY_TEXT.decode(message.event_type)
    except msgspec.ValidationError:
        return UNKNOWN + "event_type_not_text"
    return kind if kind in MARKET_KINDS else _unknown_kind(kind)


def _untyped_kind(*, is_book: bool) -> str:
    return BOOK_WITHOUT_EVENT_TYPE if is_book else UNKNOWN + "no_event_type"


def _unknown_kind(event_type: str) -> str:
    cut = event_type[:MAX_KIND_CHARS]
    return UNKNOWN + "".join(char if " " <= char <= "~" else "?" for char in cut)


def _distinct(kinds: list[str]) -> tuple[str, ...]:
    distinct = tuple(dict.fromkeys(kinds))
    if len(distinct) > MAX_KINDS:
        return (*distinct[: MAX_KINDS - 1], UNKNOWN + "and_more")
    return distinct or (EMPTY_ARRAY,)
