"""What an answer of Gamma or of the data API says of how markets were resolved: foreign data in, outcomes out."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any, Literal

import msgspec

from common.core.discovery.gamma_values import list_of, name_of, truth_of, value_of
from common.core.market import canonical_condition_id

Source = Literal["gamma", "data_api"]
SOURCES: tuple[Source, ...] = ("gamma", "data_api")
SPLIT = "split"  # in place of an outcome: more than one of them was paid
MOST_CONDITIONS = 20  # of one question to the data API
_RESOLVED = "resolved"
_STATUSES = ("umaResolutionStatus", "resolutionStatus")
_METADATA = (  # what is fixed for a market, or changes seldom: not its prices, volumes and times of update
    "question",
    "description",
    "conditionId",
    "slug",
    "version",
    "outcomes",
    "clobTokenIds",
    "positionIds",
    "resolutionSource",
    "startDate",
    "endDate",
    "eventStartTime",
    "enableOrderBook",
    "negRisk",
    "orderPriceMinTickSize",
    "orderMinSize",
    "makerBaseFee",
    "takerBaseFee",
    "feesEnabled",
    "feeType",
    "feeSchedule",
    "eventMetadata",
)


class Told(msgspec.Struct, frozen=True):
    """How one source says that a market was resolved. `winner` is an outcome, or SPLIT; `reporter` is who decided."""

    winner: str
    reporter: str = ""
    resolved_at: str = ""


def gamma_object(body: bytes) -> Mapping[str, Any] | None:
    """The market object of an answer by slug; None where it is anything else."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(found, list) and len(found) == 1:
        [found] = found
    return found if isinstance(found, dict) and value_of(found, "slug") else None


def told_by_gamma(market: Mapping[str, Any]) -> Told | None:
    """How the market was resolved; None while it is not: only a closed market with whole prices is."""
    outcomes, prices = list_of(value_of(market, "outcomes")), list_of(value_of(market, "outcomePrices"))
    statuses = {name_of(value_of(market, name)).lower() for name in _STATUSES} - {""}
    if truth_of(value_of(market, "closed")) is not True or not outcomes or not prices:
        return None
    shares = [_number(price) for price in prices]
    is_decided = sorted(shares)[-1] >= 1 and sum(shares) <= 1
    if len(shares) != len(outcomes) or not (is_decided or _RESOLVED in statuses):
        return None
    winner = _winner([name_of(outcome) for outcome in outcomes], shares)
    return None if winner is None else Told(winner, resolved_at=name_of(value_of(market, "closedTime")))


def strike_in(market: Mapping[str, Any]) -> str:
    """The price to beat as the event's metadata states it, in the exchange's own digits; empty without one."""
    events = list_of(value_of(market, "events")) or ()
    for holder in (market, *(event for event in events if isinstance(event, dict))):
        metadata = value_of(holder, "eventMetadata")
        price = name_of(value_of(metadata, "priceToBeat")) if isinstance(metadata, dict) else ""
        if _is_price(price):
            return price
    return ""


def _is_price(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def metadata_digest(market: Mapping[str, Any]) -> str:
    """SHA-256 over the market's metadata: another one means that something changed which seldom does."""
    events = list_of(value_of(market, "events")) or ()
    of_events = [
        value_of(event, "eventMetadata")
        for event in events
        if isinstance(event, dict) and value_of(event, "eventMetadata") is not None
    ]
    fixed = {name: value for name in _METADATA if (value := value_of(market, name)) is not None}
    return sha256(msgspec.json.encode([fixed, of_events], order="sorted")).hexdigest()


class _DataRow(msgspec.Struct):
    condition_id: str
    status: str = ""
    payouts: list[float] | None = None
    resolved_at: Any = ""
    reporter: str | None = None


class _DataAnswer(msgspec.Struct):
    data: list[msgspec.Raw]


def told_by_data_api(body: bytes, outcomes: Mapping[str, Sequence[str]]) -> Mapping[str, Told] | None:
    """How conditions were resolved, by canonical condition id; `outcomes` are those of each. None for another body.

    A condition that is not resolved is not in the answer, or has no payouts. A row that cannot be read says nothing.
    """
    try:
        rows = msgspec.json.decode(body, type=_DataAnswer).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    found = (_told_by_row(row, outcomes) for row in rows)
    return {condition: told for each in found if each is not None for condition, told in [each]}


def _told_by_row(raw: msgspec.Raw, outcomes: Mapping[str, Sequence[str]]) -> tuple[str, Told] | None:
    try:
        row = msgspec.json.decode(raw, type=_DataRow)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    condition = canonical_condition_id(row.condition_id)
    winner = _winner(outcomes.get(condition, ()), row.payouts or ())
    if winner is None or row.status.lower() not in {"", _RESOLVED}:
        return None
    return condition, Told(winner, name_of(row.reporter), name_of(row.resolved_at))


def _winner(outcomes: Sequence[str], shares: Sequence[float]) -> str | None:
    """The outcome that was paid alone, SPLIT where several were; None where none was, or their numbers differ."""
    paid = [outcome for outcome, share in zip(outcomes, shares, strict=False) if share > 0]
    if len(outcomes) != len(shares) or not paid:
        return None
    return paid[0] if len(paid) == 1 else SPLIT


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, str | int | float) else 0.0
    except ValueError:
        return 0.0
