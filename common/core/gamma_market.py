"""Reads one market object of Gamma: foreign data in, either a Market with its window or a reason in words."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.market import Market, Token

MAX_TEXT_CHARS = 80
_SAFE_SLUG = re.compile(r"[a-z0-9-]{1,80}")  # slugs come near paths and metrics: nothing else passes
_CONDITION_ID = re.compile(r"0x[0-9a-fA-F]{1,64}")
_TOKEN_ID = re.compile(r"[0-9]{1,78}")
_SERIES_OF_SLUG = (
    (re.compile(r"btc-updown-(5m|15m|4h)-\d+"), r"btc-up-or-down-\1"),
    (re.compile(r"bitcoin-up-or-down-on-[a-z]+-\d+-\d{4}"), "btc-up-or-down-daily"),
    (re.compile(r"bitcoin-up-or-down-[a-z]+-\d+(?:-\d{4})?-\d+[ap]m-et"), "btc-up-or-down-hourly"),
)
_WINDOW_SECONDS = {"5m": 300, "15m": 900, "4h": 14_400, "hourly": 3600, "daily": 86_400}
_LONGEST_WINDOW_SECONDS = 90_000  # a day of 25 hours


class RefusedError(Exception):
    """A market object that cannot be recorded; its text is the reason in words."""


class Window(msgspec.Struct, frozen=True):
    """A readable market and its window, in nanoseconds since the epoch."""

    market: Market
    start_ns: int
    end_ns: int
    accepting_orders: bool


def read_window(raw: Mapping[str, Any], series: str | None) -> Window:
    """The market that an object describes, of the series it was found to be of. Raises RefusedError."""
    slug, condition_id = raw.get("slug"), raw.get("conditionId")
    if not isinstance(slug, str) or not _SAFE_SLUG.fullmatch(slug):
        raise RefusedError("its slug is not made of a-z, 0-9 and -, at most 80 characters")
    if not isinstance(condition_id, str) or not _CONDITION_ID.fullmatch(condition_id):
        raise RefusedError("its conditionId is missing or malformed")
    if series is None:
        raise RefusedError("its series is unknown")
    _refuse_untradable(raw)
    start_ns, end_ns = _window(raw, series)
    end_text = utc_text(end_ns)
    tokens = tuple(
        Token(slug, condition_id, token_id, outcome, end_text) for token_id, outcome in _outcome_tokens(raw)
    )
    market = Market(slug, condition_id, series, utc_text(start_ns), end_text, tokens)
    return Window(market, start_ns, end_ns, raw.get("acceptingOrders") is not False)


def series_of(raw: Mapping[str, Any]) -> str | None:
    """The series slug, from the object's events or else from the pattern of its slug."""
    events = list_of(raw.get("events"))
    for event in events if events is not None else ():
        if isinstance(event, dict) and isinstance(event.get("seriesSlug"), str) and event["seriesSlug"]:
            return str(event["seriesSlug"])
    slug = raw.get("slug")
    for pattern, series in _SERIES_OF_SLUG:
        match = pattern.fullmatch(slug) if isinstance(slug, str) else None
        if match:
            return match.expand(series)
    return None


def longest_window_seconds(series: tuple[str, ...]) -> int:
    """How long windows of these series can be: a bound for `end_date_max`."""
    return max(_WINDOW_SECONDS.get(_suffix(name), _LONGEST_WINDOW_SECONDS) for name in series)


def list_of(value: object) -> list[Any] | None:
    """A list given as such or as a JSON-encoded string, as Gamma does; None for anything else."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return None
    return value if isinstance(value, list) else None


def shown(value: object) -> str:
    """Foreign text made safe to print: printable ASCII, cut at 80 characters; empty for what is no text."""
    text = value[:MAX_TEXT_CHARS] if isinstance(value, str) else ""
    return "".join(char if " " <= char <= "~" else "?" for char in text)


def _refuse_untradable(raw: Mapping[str, Any]) -> None:
    if raw.get("closed") is True:
        raise RefusedError("closed: settled tokens have no book")
    if raw.get("active") is False:
        raise RefusedError("not active")
    if raw.get("enableOrderBook") is False:
        raise RefusedError("it has no order book")


def _outcome_tokens(raw: Mapping[str, Any]) -> list[tuple[str, str]]:
    token_ids, outcomes = list_of(raw.get("clobTokenIds")), list_of(raw.get("outcomes"))
    if not token_ids:
        raise RefusedError("it has no token ids yet")
    if not all(isinstance(token_id, str) and _TOKEN_ID.fullmatch(token_id) for token_id in token_ids):
        raise RefusedError("a token id is not a decimal string of at most 78 digits")
    if len(token_ids) != 2 or len(set(token_ids)) != 2:
        raise RefusedError("it has not exactly two distinct tokens")
    if outcomes is None or len(outcomes) != 2 or not all(shown(outcome) for outcome in outcomes):
        raise RefusedError("its two outcomes are not named")
    return [(token_id, shown(outcome)) for token_id, outcome in zip(token_ids, outcomes, strict=True)]


def _window(raw: Mapping[str, Any], series: str) -> tuple[int, int]:
    end_ns = _instant(raw, "endDate")
    if raw.get("eventStartTime") is None and _suffix(series) in _WINDOW_SECONDS:
        start_ns = end_ns - _WINDOW_SECONDS[_suffix(series)] * NS_PER_SECOND
    else:
        start_ns = _instant(raw, "eventStartTime")
    if start_ns >= end_ns:
        raise RefusedError("its window ends before it starts")
    return start_ns, end_ns


def _instant(raw: Mapping[str, Any], field: str) -> int:
    value = raw.get(field)
    if not isinstance(value, str):
        raise RefusedError(f"its {field} is missing")
    try:
        return parse_utc_ns(value)
    except (ValueError, OverflowError) as error:
        raise RefusedError(f"its {field} is no date") from error


def _suffix(series: str) -> str:
    return series.rpartition("-")[2]
