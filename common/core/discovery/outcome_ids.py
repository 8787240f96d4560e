"""The token ids of a market object, by its protocol version; where they are not in their field, by what ids look like.

Which field holds them is said by `version` alone: a v2 market may carry the ids of v1 too, and those have no book.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from common.core.discovery.gamma_values import list_of, name_of, shown, value_of

ID_FIELDS = {"v1": "clobTokenIds", "v2": "positionIds"}
_TOKEN_ID = re.compile(r"[0-9]{1,78}")
_LIKELY_TOKEN_ID = re.compile(
    r"[0-9]{15,78}"
)  # as long as this, a list of numbers is not a list of prices or sizes
_LISTED_IDS = re.compile(r"[0-9]{15,78}(?:[\s,;|]+[0-9]{15,78})+")
_SHORT_CONDITION_ID = re.compile(r"0x[0-9a-fA-F]{62}")  # as Gamma writes those of v2
_DEPTH = 3  # how deep in an object ids are looked for
_FEWEST = 2
_MOST_CANDIDATES = 4


class UnreadableError(Exception):
    """A market object that cannot be recorded: `field` is what is missing or new, the text is the reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class NoIdsYetError(UnreadableError):
    """The field of the ids is absent, null or empty: nothing odd as long as the market is not trading."""


class Oddity(msgspec.Struct, frozen=True):
    """What was not as documented in an object that could be read all the same."""

    field: str
    reason: str


class OutcomeIds(msgspec.Struct, frozen=True):
    """Token ids with their outcome names, in the exchange's order; at least two, distinct."""

    tokens: tuple[tuple[str, str], ...]
    protocol: str
    oddities: tuple[Oddity, ...]


def read_outcome_ids(raw: Mapping[str, Any]) -> OutcomeIds:
    """The ids of a market. Raises UnreadableError."""
    oddities: list[Oddity] = []
    protocol = _protocol(raw, oddities)
    outcomes = [name_of(outcome) for outcome in list_of(value_of(raw, "outcomes")) or ()]
    id_lists = _id_lists(raw, protocol, len(outcomes), oddities)
    if len(outcomes) < _FEWEST or not all(outcomes):
        oddities.append(Oddity("outcomes", "outcomes does not name its outcomes: they are numbered instead"))
        named = outcomes or [""] * len(id_lists[0])
        outcomes = [name or f"Outcome {place + 1}" for place, name in enumerate(named)]
    if any(len(ids) != len(outcomes) for ids in id_lists):
        reason = f"{_field(protocol)} has {len(id_lists[0])} ids, and outcomes has {len(outcomes)} names"
        raise UnreadableError(_field(protocol), reason)
    tokens = {token_id: name for ids in id_lists for token_id, name in zip(ids, outcomes, strict=True)}
    return OutcomeIds(tuple(tokens.items()), protocol, tuple(oddities))


def _field(protocol: str) -> str:
    return ID_FIELDS.get(protocol, "version")


def _protocol(raw: Mapping[str, Any], oddities: list[Oddity]) -> str:
    told = value_of(raw, "version")
    version = f"v{told}" if isinstance(told, int) and not isinstance(told, bool) else name_of(told).lower()
    version = f"v{version}" if version.isdecimal() else version
    if version in ID_FIELDS:
        return version
    if told is None or told == "":
        return _unversioned(raw, oddities)
    if not version:
        oddities.append(Oddity("version", "version is not a string: the protocol is guessed from the ids"))
        return _unversioned(raw, [])
    return shown(version)


def _unversioned(raw: Mapping[str, Any], oddities: list[Oddity]) -> str:
    """v1, as all older answers are; v2 if it has only ids of v2, or a condition id of v2 beside them."""
    if not _usable(value_of(raw, ID_FIELDS["v2"])):
        return "v1"
    oddities.append(Oddity("version", "version is missing, although there are positionIds"))
    is_short = isinstance(told := value_of(raw, "conditionId"), str) and _SHORT_CONDITION_ID.fullmatch(told)
    return "v2" if is_short or not _usable(value_of(raw, ID_FIELDS["v1"])) else "v1"


def _id_lists(raw: Mapping[str, Any], protocol: str, count: int, oddities: list[Oddity]) -> list[list[str]]:
    """The ids of the protocol's field; without them every list that may be the ids: a wrong one costs little."""
    field = ID_FIELDS.get(protocol)
    named = value_of(raw, field) if field is not None else None
    if field is not None and (ids := _usable(named)):
        return [ids]
    candidates = [
        (path, ids)
        for path, ids in _candidates(raw, "", _DEPTH)
        if not _is_of_another_protocol(path, field) and (len(ids) == count or count < _FEWEST)
    ][:_MOST_CANDIDATES]
    if candidates:
        lacking = f"{field} does not hold the ids" if field else f"version {protocol!r} is not known"
        places = " and ".join(shown(path) for path, _ in candidates)
        oddities.append(Oddity(field or "version", f"{lacking}: taken from {places}"))
        return [ids for _, ids in candidates if len(ids) == len(candidates[0][1])]
    if field is None:
        raise UnreadableError("version", f"version {protocol!r} is not known, and no field holds token ids")
    if named is None or named == "" or list_of(named) == []:
        raise NoIdsYetError(field, f"{field} is missing or empty: it has no token ids")
    raise UnreadableError(
        field, f"{field} does not hold distinct decimal token ids, but {shown(str(named))!r}"
    )


def _is_of_another_protocol(path: str, field: str | None) -> bool:
    """Whether ids are in the field of another known protocol: there they have no book."""
    last = path.rpartition(".")[2]
    return field is not None and last in ID_FIELDS.values() and last != field


def _usable(value: object, pattern: re.Pattern[str] = _TOKEN_ID) -> list[str]:
    """Two or more distinct ids in a list, in JSON text of one, or in text with separators; else nothing."""
    listed = list_of(value)
    if listed is None:
        text = value if isinstance(value, str) else ""
        listed = re.findall(r"[0-9]+", text) if _LISTED_IDS.fullmatch(text.strip()) else []
    ids = [_id_of(entry) for entry in listed]
    is_sound = len(ids) >= _FEWEST and all(map(pattern.fullmatch, ids)) and len(set(ids)) == len(ids)
    return ids if is_sound else []


def _id_of(entry: object) -> str:
    """A decimal string, a whole number, or an object with exactly one id in it, as `tokens` of the CLOB's listings."""
    if isinstance(entry, dict):
        within = [text for text in map(_id_of, entry.values()) if _LIKELY_TOKEN_ID.fullmatch(text)]
        return within[0] if len(within) == 1 else ""
    if isinstance(entry, str):
        return entry.strip()
    return (
        str(entry) if isinstance(entry, int) and not isinstance(entry, bool) and 0 <= entry < 10**78 else ""
    )


def _candidates(raw: Mapping[str, Any], path: str, depth: int) -> Iterator[tuple[str, list[str]]]:
    """What looks like a market's ids: known fields first, the newest of them, then those nearest to the top."""
    known = [*reversed(ID_FIELDS.values())]
    fields = sorted(raw.items(), key=lambda item: known.index(item[0]) if item[0] in known else len(known))
    for name, value in fields:
        if ids := _usable(value, _LIKELY_TOKEN_ID):
            yield f"{path}{name}", ids
    for name, value in fields:
        if isinstance(value, dict) and depth > 1:
            yield from _candidates(value, f"{path}{name}.", depth - 1)
