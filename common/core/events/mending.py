"""Which fields an event of each kind has, and what they must hold once they are rewritten to the usual forms."""

from collections.abc import Callable

import msgspec

from common.core.events import mended
from common.core.events.kinds import MARKET_KINDS, NEW_MARKET
from common.core.events.mended import NULL, Fields, Mending, Wrong

BOOK_KINDS = ("book", "price_change")
_EMPTY = msgspec.Raw(b'""')


def kind_of(fields: Fields, mending: Mending) -> str:
    """The kind by `event_type`, or by the shape where that is missing; empty for what tells of no book.

    Raises Wrong where it seems to tell of one and does not say how.
    """
    sides = "bids" in fields and "asks" in fields
    shape = "price_change" if "price_changes" in fields else "book" if sides else ""
    name = mended.text_of(fields, "event_type")
    kind = name.strip().lower()
    if kind in MARKET_KINDS:
        mending.note("event_type_in_other_case" if kind != name else "")
        if shape and kind not in BOOK_KINDS:
            raise Wrong("event_type", f"event_type is {kind}, yet it holds a book")
        return "" if kind == NEW_MARKET else kind
    if fields.get("event_type", NULL) == NULL and shape:
        mending.note("no_event_type" if shape == "price_change" else "")  # books without one are known
        return shape
    if shape or (not name and mended.named_in(b" ".join(fields.values()))[0]):
        raise Wrong("event_type", f"event_type is {fields.get('event_type', b'missing')!r:.40}")
    return ""


def mend(kind: str, fields: Fields, mending: Mending) -> None:
    """Rewrite the fields of an event of any kind but `price_change`. Raises Wrong."""
    _BY_KIND[kind](fields, mending)


def mend_book(fields: Fields, mending: Mending) -> None:
    """Rewrite what a book holds, over the websocket and over REST. Raises Wrong."""
    _mend_place(fields, mending)
    for side in ("bids", "asks"):
        fields[side] = _levels(fields, side, mending)
    mending.optional(fields, "hash", mending.name)
    mending.optional(fields, "tick_size", mending.decimal)
    mended.drop_null(fields, "last_trade_price")


def mend_change(entry: Fields | None, mending: Mending) -> bytes:
    """One entry of `price_changes`, rewritten. Raises Wrong."""
    if entry is None:
        raise Wrong("price_changes", "a change is not an object")
    mending.name(entry, "asset_id")
    mending.decimal(entry, "price")
    mending.decimal(entry, "size")
    mending.side(entry, "side")
    mending.optional(entry, "hash", mending.name)
    mending.optional(entry, "best_bid", mending.decimal)
    mending.optional(entry, "best_ask", mending.decimal)
    return msgspec.json.encode(entry)


def changes_in(fields: Fields, mending: Mending) -> list[bytes]:
    """The entries of a `price_change`, also of the shape before 2025-09-15. Raises Wrong."""
    if "price_changes" in fields or "changes" not in fields:
        return mending.objects(fields, "price_changes")
    shared = {name: fields[name] for name in ("asset_id", "hash") if name in fields}
    changes = [(raw, mended.fields_of(raw)) for raw in mending.objects(fields, "changes")]
    return [raw if entry is None else msgspec.json.encode(shared | entry) for raw, entry in changes]


def _mend_place(fields: Fields, mending: Mending) -> None:
    mending.name(fields, "market")
    mending.name(fields, "asset_id")
    mending.time(fields, "timestamp")


def _levels(fields: Fields, side: str, mending: Mending) -> msgspec.Raw:
    if fields.get(side) == NULL:  # what a list without items is in the exchange's language
        mending.note("null_side")
        return msgspec.Raw(b"[]")
    levels = []
    for raw in mending.objects(fields, side):
        level = mended.fields_of(raw)
        if level is None:
            raise Wrong(side, f"a level of {side} is not an object")
        mending.decimal(level, "price")
        mending.decimal(level, "size")
        levels.append(msgspec.json.encode(level))
    return msgspec.Raw(b"[%b]" % b",".join(levels))


def _mend_tick(fields: Fields, mending: Mending) -> None:
    _mend_place(fields, mending)
    mending.decimal(fields, "new_tick_size")
    mending.optional(fields, "old_tick_size", mending.decimal)
    fields.setdefault("old_tick_size", _EMPTY)


def _mend_trade(fields: Fields, mending: Mending) -> None:
    _mend_place(fields, mending)
    mending.decimal(fields, "price")
    mending.decimal(fields, "size")
    mending.side(fields, "side")
    mending.optional(fields, "fee_rate_bps", mending.decimal)
    mending.optional(fields, "transaction_hash", mending.name)


def _mend_best(fields: Fields, mending: Mending) -> None:
    _mend_place(fields, mending)
    for name in ("best_bid", "best_ask", "spread"):
        mending.optional(fields, name, mending.decimal)
        fields.setdefault(name, _EMPTY)


def _mend_resolved(fields: Fields, mending: Mending) -> None:
    mending.name(fields, "market")
    mending.time(fields, "timestamp")
    mending.optional(fields, "winning_asset_id", mending.name)
    mended.drop_null(fields, "assets_ids", "winning_outcome")
    if "assets_ids" in fields:
        fields["assets_ids"] = msgspec.Raw(b"[%b]" % b",".join(mending.objects(fields, "assets_ids")))


_BY_KIND: dict[str, Callable[[Fields, Mending], None]] = {
    "book": mend_book,
    "tick_size_change": _mend_tick,
    "last_trade_price": _mend_trade,
    "best_bid_ask": _mend_best,
    "market_resolved": _mend_resolved,
}
