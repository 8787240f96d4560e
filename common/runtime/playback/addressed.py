"""Whom a recorded frame concerns, and what is left of it for a client that subscribes less."""

from collections.abc import Callable

import msgspec

from common.core.events.kinds import NEW_MARKET
from common.core.market import canonical_condition_id

FLAGGED_KINDS = frozenset({"best_bid_ask", NEW_MARKET, "market_resolved"})  # for custom_feature_enabled alone
_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Change(msgspec.Struct, gc=False):
    asset_id: str = ""


class _Head(msgspec.Struct, gc=False):
    event_type: str = ""
    market: str = ""
    asset_id: str = ""
    assets_ids: tuple[str, ...] | str = ()
    price_changes: tuple[_Change, ...] = ()


class Part(msgspec.Struct, frozen=True):
    """One event of a frame, in its own bytes, and what it is about; nothing is known of what cannot be read."""

    raw: bytes
    kind: str = ""
    token_ids: tuple[str, ...] = ()
    market: str = ""

    @property
    def flagged(self) -> bool:
        """Whether only connections with custom_feature_enabled get it."""
        return self.kind in FLAGGED_KINDS


class Addressed(msgspec.Struct, frozen=True):
    """A frame as it was recorded, and its events: one, unless it is an array."""

    payload: bytes
    parts: tuple[Part, ...]
    is_array: bool = False

    def only(self, concerns: Callable[[Part], bool]) -> bytes | None:
        """The recorded bytes where every event concerns; an array of those that do; None where none does."""
        kept = [part for part in self.parts if concerns(part)]
        if len(kept) == len(self.parts):
            return self.payload
        if not kept:
            return None
        end = self.payload[len(self.payload.rstrip()) :]
        return b"[" + b",".join(part.raw for part in kept) + b"]" + end


_HEAD = msgspec.json.Decoder(_Head)
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])


def addressed(payload: bytes) -> Addressed:
    """Read whom a frame is for. Never raises: what cannot be read is one part about nobody knows what."""
    if payload.lstrip()[:1] == b"[":
        try:
            raws = [bytes(raw) for raw in _RAWS.decode(payload)]
        except _ERRORS:
            raws = []
        if raws:
            return Addressed(payload, tuple(map(_part, raws)), is_array=True)
    return Addressed(payload, (_part(payload),))


def _part(raw: bytes) -> Part:
    try:
        head = _HEAD.decode(raw)
    except _ERRORS:
        return Part(raw)
    listed = head.assets_ids if isinstance(head.assets_ids, tuple) else ()
    token_ids = (head.asset_id,) if head.asset_id else tuple(change.asset_id for change in head.price_changes)
    market = canonical_condition_id(head.market)
    return Part(raw, head.event_type, token_ids or listed, market)
