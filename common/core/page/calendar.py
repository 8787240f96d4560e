"""The calendar of conditions: a row a series, a cell an hour, the worst condition of the hour's ledgers in it."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from common.core.instants import NS_PER_SECOND, utc_text
from common.core.ledger.document import Condition, worst

HOUR_NS = 3600 * NS_PER_SECOND
MOST_ROWS = 60
WHOLE_STREAM = {"ws_raw": "websocket stream", "rest_checkpoints": "REST checkpoints"}
OTHERS = "other markets"
MOST_TOKENS = 100
MOST_GAPS = 50
_WINDOW = re.compile(r"-[0-9]{9,11}$")
_LETTERS: Mapping[str, str] = {"complete": "c", "degraded": "d", "gap": "g", "missing": "m"}


class TokenCondition(msgspec.Struct, frozen=True):
    """What a ledger of any version states of a token."""

    condition: Condition
    market_slug: str = ""


class LedgerConditions(msgspec.Struct, frozen=True):
    """What the calendar reads of a ledger of any version."""

    stream: str
    from_utc: str
    condition: Condition
    tokens: tuple[TokenCondition, ...]


class HourConditions(msgspec.Struct, frozen=True):
    """What the calendar keeps of a ledger: the worst condition by row of the calendar."""

    from_ns: int
    rows: Mapping[str, Condition]


def series_of(market_slug: str) -> str:
    """What the windows of a rolling series have in common: their slug without its start."""
    return _WINDOW.sub("", market_slug)


def conditions_of(ledger: LedgerConditions, from_ns: int) -> HourConditions:
    """A ledger's conditions by row: one for its whole stream, and one for each series in it."""
    found: dict[str, list[Condition]] = {WHOLE_STREAM.get(ledger.stream, ledger.stream): [ledger.condition]}
    for token in ledger.tokens:
        if token.market_slug:
            found.setdefault(series_of(token.market_slug), []).append(token.condition)
    return HourConditions(from_ns, {name: worst(each) for name, each in found.items()})


def calendar_view(hours: Iterable[HourConditions], *, days: int, now_ns: int) -> dict[str, Any]:
    """Rows of `days` * 24 letters, the newest hour last: `c`, `d`, `g`, `m` by condition, `.` without a ledger."""
    last = now_ns // HOUR_NS
    first = last - days * 24 + 1
    by_row: dict[str, dict[int, Condition]] = {}
    for ledger in hours:
        hour = ledger.from_ns // HOUR_NS
        if first <= hour <= last:
            for name, condition in ledger.rows.items():
                cells = by_row.setdefault(name, {})
                cells[hour] = worst((condition, cells.get(hour, "complete")))
    shown, left_out = _shown(by_row)
    return {
        "from_utc": utc_text(first * HOUR_NS),
        "hours": days * 24,
        "rows": [
            {"name": name, "cells": "".join(_letter(cells.get(hour)) for hour in range(first, last + 1))}
            for name, cells in shown
        ],
        "left_out": left_out,
    }


def _letter(condition: Condition | None) -> str:
    return "." if condition is None else _LETTERS[condition]


def _shown(by_row: Mapping[str, dict[int, Condition]]) -> tuple[list[tuple[str, dict[int, Condition]]], int]:
    """The streams first, then the series with the most hours; the rest become one row."""
    streams = [(name, by_row[name]) for name in WHOLE_STREAM.values() if name in by_row]
    series = [(name, cells) for name, cells in by_row.items() if name not in WHOLE_STREAM.values()]
    series.sort(key=lambda row: (-len(row[1]), row[0]))
    kept, rest = sorted(series[:MOST_ROWS]), series[MOST_ROWS:]
    if not rest:
        return [*streams, *kept], 0
    others: dict[int, Condition] = {}
    for _, cells in rest:
        for hour, condition in cells.items():
            others[hour] = worst((condition, others.get(hour, "complete")))
    return [*streams, *kept, (OTHERS, others)], len(rest)


def hour_view(ledgers: Iterable[Mapping[str, Any]], *, row: str) -> dict[str, Any]:
    """What the ledgers of one hour say of a row: tokens, gaps, checks, and the archives they were made of."""
    streams = [stream for stream, name in WHOLE_STREAM.items() if name == row] or list(WHOLE_STREAM)
    return {
        "row": row,
        "ledgers": [_ledger(ledger, row) for ledger in ledgers if ledger["stream"] in streams],
    }


def _ledger(ledger: Mapping[str, Any], row: str) -> dict[str, Any]:
    whole = row in WHOLE_STREAM.values() or row == OTHERS
    tokens = [token for token in ledger["tokens"] if whole or series_of(token.get("market_slug", "")) == row]
    by_condition = sorted(tokens, key=lambda token: "mgdc".find(_LETTERS[token["condition"]]))
    gaps = ledger.get("gaps") or []
    return {
        **{key: ledger.get(key) for key in _SHOWN},
        "gaps": gaps[:MOST_GAPS],
        "gaps_left_out": max(len(gaps) - MOST_GAPS, 0),
        "tokens": [{key: token.get(key) for key in _SHOWN_OF_TOKEN} for token in by_condition[:MOST_TOKENS]],
        "tokens_left_out": max(len(tokens) - MOST_TOKENS, 0),
        "archives": ledger.get("archives") or [],
        "unusable": ledger.get("unusable") or [],
        "not_recorded": _each_once(ledger.get("not_recorded") or ())[:MOST_GAPS],
    }


def _each_once(windows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Windows that were not recorded, each with its first reason."""
    by_slug: dict[str, Mapping[str, Any]] = {}
    for window in windows:
        by_slug.setdefault(str(window.get("market_slug")), window)
    return list(by_slug.values())


_SHOWN = (
    *("stream", "from_utc", "to_utc", "condition", "messages", "sessions", "longest_pause_seconds"),
    *("unaccounted_seconds", "checks_passed", "divergences", "wrong_batches", "program_version"),
)
_SHOWN_OF_TOKEN = (
    *("token_id", "market_slug", "outcome", "condition", "messages", "gap_seconds", "unaccounted_seconds"),
    *("checks_passed", "divergences", "asked", "answered", "failed"),
)
