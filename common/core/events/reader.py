"""Reads the events of a payload: the usual forms fast, every other form that means the same slowly, never by guess.

Whatever is not an event (`PONG`, garbage that names no token, kinds that are not known) gives nothing. What looks like
an event and cannot be used becomes `Unusable`, which names what it is about: hostile content is counted, never raises.
"""

from typing import Any

import msgspec

from common.core.books.snapshot import read_any_book
from common.core.events import mended
from common.core.events.market_events import (
    BookSnapshot,
    MarketEvent,
    NewMarket,
    PriceChange,
    TimedEvent,
    Unusable,
    UnusualForms,
)
from common.core.events.mended import Fields, Mending, Wrong
from common.core.events.mending import BOOK_KINDS, changes_in, kind_of, mend, mend_change

_WIRE = TimedEvent | NewMarket
# Not strict: the times are texts that hold numbers. Nothing else is converted, as all the rest are texts.
_EVENTS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_WIRE | list[_WIRE], strict=False)
_EVENT: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_WIRE, strict=False)
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
_ERRORS = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_NESTED = 3  # arrays in arrays, and texts that hold JSON, are looked into so deep
_LONGEST_DETAIL = 200


def read_events(payload: bytes) -> tuple[MarketEvent, ...]:
    """The events of a payload in their order; empty where it holds none. Never raises."""
    try:
        found = _EVENTS.decode(payload)
    except _ERRORS:
        return tuple(_slowly(payload, _NESTED))
    if isinstance(found, list):
        return tuple(event for event in found if type(event) is not NewMarket)
    return () if type(found) is NewMarket else (found,)


def _slowly(payload: bytes, nested: int) -> list[MarketEvent]:
    """The events of what is not all in the usual forms: what is wrong with one spoils no other."""
    text = payload.strip()
    try:
        if nested and text.startswith(b"["):
            return [event for raw in _RAWS.decode(text) for event in _slowly(bytes(raw), nested - 1)]
        if nested and text.startswith(b'"'):
            return _slowly(_TEXT.decode(text).encode(), nested - 1)
        found = _EVENT.decode(text)
    except _ERRORS:
        return _read_one(text)
    return [] if type(found) is NewMarket else [found]


def _read_one(text: bytes) -> list[MarketEvent]:
    fields = mended.fields_of(text)
    if fields is None:
        tokens, market = mended.named_in(text)
        tokens = () if market else tokens  # what is damaged may be the id of another token of the market
        return (
            [Unusable("payload: shape", "neither JSON nor an object", tokens, market)]
            if tokens or market
            else []
        )
    mending, kind = Mending(), "unknown"
    try:
        kind = kind_of(fields, mending)
        if not kind:
            return []
        if kind == "book" and (book := _as_it_stands(text)) is not None:
            return [book]
        if kind == "price_change":
            events = _price_change(fields, mending)
        else:
            mend(kind, fields, mending)
            events = [_decoded(kind, fields)]
    except Wrong as wrong:
        return [_unusable(text, fields, kind, wrong)]
    return [*events, *_forms(mending, events)]


def _as_it_stands(text: bytes) -> BookSnapshot | None:
    """A book in the usual forms with keys that nobody knows yet, or without its type."""
    try:
        return read_any_book(text)
    except _ERRORS:
        return None


def _price_change(fields: Fields, mending: Mending) -> list[MarketEvent]:
    """The changes that can be read as one event, and each of the others as an unusable one."""
    mending.name(fields, "market")
    mending.time(fields, "timestamp")
    good: list[bytes] = []
    bad: list[MarketEvent] = []
    for raw in changes_in(fields, mending):
        entry = mended.fields_of(raw)
        try:
            good.append(mend_change(entry, mending))
        except Wrong as wrong:
            bad.append(_unusable(raw, {"market": fields["market"], **(entry or {})}, "price_change", wrong))
    changes = msgspec.Raw(b"[%b]" % b",".join(good))
    return [_decoded("price_change", {**fields, "price_changes": changes}), *bad] if good or not bad else bad


def _decoded(kind: str, fields: Fields) -> MarketEvent:
    """The event, once its fields have the usual forms. Raises Wrong where that is not enough."""
    try:
        text = msgspec.json.encode({**fields, "event_type": kind})
        event: MarketEvent = read_any_book(text) if kind == "book" else _EVENT.decode(text)
    except _ERRORS as error:
        raise Wrong("shape", str(error)) from error
    return event


def _unusable(text: bytes, fields: Fields, kind: str, wrong: Wrong) -> Unusable:
    """What cannot be used, and the tokens and the market that it names anywhere."""
    tokens, found = mended.named_in(text)
    token_id = mended.text_of(fields, "asset_id")
    return Unusable(
        f"{kind}: {wrong.field}",
        wrong.why[:_LONGEST_DETAIL],
        (token_id,) if token_id else tokens,
        mended.text_of(fields, "market") or found,
        of_book=kind in {*BOOK_KINDS, "unknown", "payload"},
    )


def _forms(mending: Mending, events: list[MarketEvent]) -> list[MarketEvent]:
    if not mending.forms:
        return []
    tokens: dict[str, None] = {}
    for event in events:
        if isinstance(event, PriceChange):
            tokens |= dict.fromkeys(change.token_id for change in event.changes)
        elif isinstance(event, BookSnapshot):
            tokens[event.token_id] = None
    return [UnusualForms(tuple(tokens), tuple(mending.forms), tuple(mending.written.items()))]
