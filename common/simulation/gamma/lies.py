"""What Gamma's `listing` faults make of one answer: which markets it leaves out, and what it says of the others."""

import json
from collections.abc import Callable, Iterable

from common.simulation.faults.catalogue import Fault, ListingKind
from common.simulation.faults.mutations import Document
from common.simulation.markets.listing import Listing

EVERYWHERE = frozenset({"version", "both_ids", "hex"})  # so is the market, no matter who asks
NO_IDS = {"bad_ids": (["12 34", "0x"], '["12 34", '), "no_ids": ([], "[]")}


def holds_for_one(fault: Fault) -> bool:
    """Whether a fault also holds where a market is asked for by its slug."""
    return fault.by_slug or fault.kind in EVERYWHERE


class Lies:
    """The faults of one answer; without any, everything is told as it is."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = tuple(faults)

    def for_one(self) -> "Lies":
        """Those that also hold where a market is asked for by its slug."""
        return Lies(fault for fault in self._faults if holds_for_one(fault))

    def all(self, kind: ListingKind) -> list[Fault]:
        """The faults of this kind."""
        return [fault for fault in self._faults if fault.kind == kind]

    def first(self, kind: ListingKind) -> Fault | None:
        """The fault of this kind, None when it is not on."""
        return next(iter(self.all(kind)), None)

    def without_missing(self, listings: Iterable[Listing]) -> list[Listing]:
        """The listings that are not left out."""
        gone = {fault.slug for fault in self._faults if fault.kind == "missing"}
        return [one for one in listings if not gone & {"", one.slug, one.event.slug}]

    def has_lost(self, tag: str, listing: Listing) -> bool:
        """Whether this tag, or series, is gone from a market."""
        return any(
            fault.kind == "lost_tag" and fault.tag == tag and _about(fault, listing) for fault in self._faults
        )

    def condition_id(self, listing: Listing) -> str:
        """The condition id of a market as Gamma says it."""
        told = listing.ids.gamma_condition_id
        for fault in self.all("hex"):
            if listing.protocol == "v2" and _about(fault, listing):
                told = listing.condition_id[: 2 + fault.digits]
        return told

    def market(self, shown: Document, listing: Listing) -> None:
        """Spoil a market object, all but its condition id."""
        for fault in self._faults:
            if fault.kind in _SPOILT and _about(fault, listing):
                _SPOILT[fault.kind](shown, listing, fault)

    def event(self, shown: Document, listing: Listing) -> None:
        """Spoil the event object of a listing: what it says of itself."""
        for fault in self._faults:
            if fault.kind in _SPOILT_EVENTS and _about(fault, listing):
                _SPOILT_EVENTS[fault.kind](shown)


def _about(fault: Fault, listing: Listing) -> bool:
    return fault.slug in ("", listing.slug, listing.event.slug)


def _close(shown: Document) -> None:
    shown["closed"] = True


def _switch_off(shown: Document) -> None:
    shown["active"] = False


def _spoil_dates(shown: Document) -> None:
    for name in ("endDate", "startDate", "eventStartTime", "startTime"):
        if name in shown:
            shown[name] = "2026-13-45T99:00"


def _spoil_ids(shown: Document, listing: Listing, fault: Fault) -> None:
    array, text = NO_IDS[fault.kind]
    if listing.protocol == "v2":
        shown["positionIds"] = array
    else:
        shown["clobTokenIds"] = text


def _other_version(shown: Document, listing: Listing, fault: Fault) -> None:
    """The known fields are empty, unless one of them is where the ids are said to be."""
    shown.pop("positionIds", None)
    shown.update(version=fault.version, clobTokenIds=None)
    array = list(listing.token_ids)
    shown[fault.field] = json.dumps(array) if fault.field == "clobTokenIds" else array


def _both_ids(shown: Document, listing: Listing, _fault: Fault) -> None:
    if listing.protocol == "v2":
        shown["clobTokenIds"] = json.dumps(listing.ids.dead_token_ids)
    else:
        shown["positionIds"] = list(listing.ids.dead_token_ids)


_SPOILT_EVENTS: dict[str, Callable[[Document], None]] = {
    "closed": _close,
    "inactive": _switch_off,
    "bad_dates": _spoil_dates,
}
_SPOILT: dict[str, Callable[[Document, Listing, Fault], None]] = {
    "closed": lambda shown, _listing, _fault: _close(shown),
    "inactive": lambda shown, _listing, _fault: _switch_off(shown),
    "bad_dates": lambda shown, _listing, _fault: _spoil_dates(shown),
    "bad_ids": _spoil_ids,
    "no_ids": _spoil_ids,
    "version": _other_version,
    "both_ids": _both_ids,
}
