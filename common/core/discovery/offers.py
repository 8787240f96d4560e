"""Which of the objects that Gamma gave are markets of the selection; each market once, by its best copy."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from common.core.discovery.gamma_market import Outline, read_market, read_outline, slug_of
from common.core.discovery.gamma_values import instant_of, shown, value_of
from common.core.discovery.market_window import series_named, series_of
from common.core.discovery.outcome_ids import NoIdsYetError, Oddity, UnreadableError
from common.core.discovery.wanted_markets import Wanted
from common.core.market import Candidate, Market, canonical_condition_id

OTHER_SERIES = "of a series that is not asked for"


class Offer(msgspec.Struct, frozen=True):
    """One market object of an answer. `label` is the item that Gamma gave it for, "" in a general listing."""

    raw: object
    label: str = ""


class Copies(msgspec.Struct, frozen=True):
    """All that Gamma gave of one market, the copy updated last first, and the items that it is of."""

    objects: tuple[Mapping[str, Any], ...]
    series: str
    labels: tuple[str, ...]


class Trouble(msgspec.Struct, frozen=True):
    """A market of which `field` is missing, new or odd."""

    field: str
    slug: str
    reason: str


class Readable(msgspec.Struct, frozen=True):
    """A market that can be recorded, with all that was odd about it."""

    outline: Outline
    market: Market
    oddities: tuple[Oddity, ...]


def copies_of(offers: Iterable[Offer], wanted: Wanted, left: list[Candidate]) -> list[Copies]:
    """The markets of the selection among the objects; the others are left, with the reason."""
    grouped: dict[object, list[tuple[Mapping[str, Any], str, str]]] = {}
    foreign: set[object] = set()
    for position, offer in enumerate(offers):
        if not isinstance(offer.raw, dict):
            left.append(Candidate("", "", taken=False, reason="not an object"))
            continue
        belonging, key = _belonging(offer, wanted), _key(offer.raw, position)
        if belonging is not None:
            grouped.setdefault(key, []).append((offer.raw, *belonging))
        elif key not in foreign:
            foreign.add(key)
            left.append(left_candidate(offer.raw, OTHER_SERIES))
    return [_copies(group) for group in grouped.values()]


def _copies(group: list[tuple[Mapping[str, Any], str, str]]) -> Copies:
    last_first = reversed(
        group
    )  # of copies that are as new the one that was asked for by name counts: it came later
    newest_first = sorted(last_first, key=lambda entry: -(instant_of(value_of(entry[0], "updatedAt")) or 0))
    return Copies(
        tuple(raw for raw, _, _ in newest_first),
        next((series for _, series, _ in newest_first if series), ""),
        tuple(sorted({label for _, _, label in group})),
    )


def _belonging(offer: Offer, wanted: Wanted) -> tuple[str, str] | None:
    """The series that an object is of and the label of the item that it belongs to; None for what is not selected."""
    assert isinstance(offer.raw, dict)
    kind, _, name = offer.label.partition(" ")
    series = series_of(offer.raw)
    if kind and kind != "series":
        return series or "", offer.label
    named = {series, *series_named(offer.raw)} - {None}
    chosen = next((each for each in wanted.series if each in named), None)
    if chosen is not None:
        return chosen, f"series {chosen}"
    return (name, offer.label) if kind and not named else None


def _key(raw: Mapping[str, Any], position: int) -> object:
    slug, condition_id = value_of(raw, "slug"), value_of(raw, "conditionId")
    if isinstance(slug, str) and slug:
        return slug
    return canonical_condition_id(condition_id) if isinstance(condition_id, str) else position


def outlines_of(copies: Copies) -> Iterator[tuple[Mapping[str, Any], Outline]]:
    """Each copy that can be outlined, in order. Raises UnreadableError if none can."""
    failure: UnreadableError | None = None
    count = 0
    for raw in copies.objects:
        try:
            outline = read_outline(raw, copies.series)
        except UnreadableError as error:
            failure = failure or error
        else:
            count += 1
            yield raw, outline
    if not count and failure is not None:
        raise failure


def best_of(outlined: Iterable[tuple[Mapping[str, Any], Outline]], labels: tuple[str, ...]) -> Readable:
    """The market by the first of its copies that can be read. Raises UnreadableError, the first copy's, if none can."""
    failure: UnreadableError | None = None
    for raw, outline in outlined:
        try:
            market, oddities = read_market(raw, outline)
        except UnreadableError as error:
            failure = failure if failure and not isinstance(failure, NoIdsYetError) else error
        else:
            return Readable(outline, msgspec.structs.replace(market, selected_by=labels), oddities)
    raise failure or UnreadableError("slug", "it has no copy")


def safe_slug(raw: Mapping[str, Any]) -> str:
    """The name under which a market is recorded."""
    return slug_of(raw, [])


def left_candidate(raw: Mapping[str, Any], reason: str) -> Candidate:
    """The candidate of a market that is not recorded."""
    return Candidate(shown(raw.get("slug")), shown(raw.get("conditionId")), taken=False, reason=reason)


def newest_update_ns(offers: Iterable[Offer]) -> int:
    """When Gamma changed any of them last; 0 where none says it."""
    updates = (
        instant_of(value_of(offer.raw, "updatedAt")) for offer in offers if isinstance(offer.raw, dict)
    )
    return max((update for update in updates if update is not None), default=0)
