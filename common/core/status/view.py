"""The status view: what of a run manifest is shown, and how it is judged; how wide it becomes is left to who draws it.

Pure: the same manifest, history and instant give the same view.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from common.core.counters import CounterName
from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.status.blocks import (
    Block,
    archives_block,
    gaps_block,
    markets_block,
    problems_block,
    processes_block,
    queue_block,
    sessions_block,
    trouble_block,
)
from common.core.status.head_lines import books_line, legs_line
from common.core.status.history import History
from common.core.status.upload_block import upload_block
from common.core.terminal.text import Line, Row, Style, cell, span_text, sparkline

UPLOADER = "uploader"  # its last error is in a block of its own
QUIET_S = 10.0  # without market data; worth a look, long before a session counts as stale
_STATE_COLOURS: dict[str, Style] = {"RUNNING_RECEIVING": "good", "STOPPED": "dim", "FAILED": "bad"}
_Figures = tuple[tuple[str, CounterName], ...]
_USUAL: _Figures = (
    ("checkpoints", "rest_requests_total"),
    ("reconnects", "reconnects_total"),
)
_TROUBLE: _Figures = (
    ("failed checkpoints", "rest_failures_total"),
    ("json errors", "json_errors_total"),
    ("unknown", "unknown_messages_total"),
    ("unusable", "unusable_events_total"),
    ("restarts", "process_restarts_total"),
)


class Liveness(msgspec.Struct, frozen=True):
    """What is known of the recorder beside its manifest.

    `words` say whether it runs; `discovery_age_s` is None where nothing was ever discovered.
    """

    running: bool
    pid: int | None
    words: str
    discovery_age_s: float | None = None
    errors: tuple[tuple[str, str], ...] = ()


class StatusView(msgspec.Struct, frozen=True):
    """All that the status view shows: `common/terminal/status_screen.py` draws it.

    `head` and `figures` are lines of items, of which the first ones are shown where there is little room. `charts` has
    rows of a name, a sparkline and figures; `pairs` blocks that may stand side by side.
    """

    head: tuple[tuple[Line, ...], ...]
    charts: tuple[Row, ...]
    figures: tuple[Line, ...]
    pairs: tuple[tuple[Block, Block], ...]
    foot: Line


def status_view(
    manifest: Mapping[str, Any],
    history: History,
    now_ns: int,
    *,
    chart_columns: int,
    liveness: Liveness | None = None,
    hint: str = "",
) -> StatusView:
    """What to show at `now_ns` (wall time); a chart has `chart_columns` cells, `hint` is in the last line."""
    alive = liveness or Liveness(running=True, pid=None, words="")
    words: Line = [(alive.words, "warn" if alive.running else "bad")] if alive.words else [(hint, "dim")]
    return StatusView(
        head=tuple(
            map(tuple, (*_head(manifest, alive, now_ns), *_legs(manifest, now_ns), *_books(manifest)))
        ),
        charts=_charts(manifest, history, chart_columns),
        figures=_figures(manifest["counters"]),
        pairs=tuple(_blocks(manifest, history, alive, now_ns)),
        foot=[(f" {utc_text(now_ns)[11:19]} UTC   ", "dim"), *words],
    )


def _head(manifest: Mapping[str, Any], alive: Liveness, now_ns: int) -> list[list[Line]]:
    state = manifest["state"]
    colour: Style = _STATE_COLOURS.get(state, "warn") if alive.running else "bad"
    shown = state if alive.running else f"NOT RUNNING, last {state}"
    until_ns = now_ns if alive.running else parse_utc_ns(manifest["updated_at_utc"])
    up_s = (until_ns - parse_utc_ns(manifest["started_at_utc"])) / NS_PER_SECOND
    last = manifest["last_successful_ws_message_at_utc"]
    silence_s = None if last is None else _age_s(last, now_ns)
    silence = "none yet" if silence_s is None else f"{span_text(silence_s)} ago"
    quiet: Style = "warn" if alive.running and (silence_s is None or silence_s > QUIET_S) else ""
    discovery_s = alive.discovery_age_s
    discovery = "never" if discovery_s is None else f"{span_text(discovery_s)} ago"
    return [
        [
            [(" ● ", colour), (shown, colour)],
            [(f"   up {span_text(up_s)}", "bold")],
            _exchange(manifest.get("exchange")),
            [(f"   run {manifest['run_id']}", "dim")],
        ],
        [
            [("   last market data ", "dim"), (silence, quiet)],
            [("   last discovery ", "dim"), (discovery, "")],
        ],
    ]


def _exchange(exchange: str | None) -> Line:
    """Nothing where an older version does not state it."""
    return [(f"   {exchange} exchange", "warn" if exchange == "simulated" else "dim")] if exchange else []


def _books(manifest: Mapping[str, Any]) -> list[list[Line]]:
    return [books_line(manifest)] if manifest.get("books") else []


def _legs(manifest: Mapping[str, Any], now_ns: int) -> list[list[Line]]:
    legs = manifest.get("legs", ())
    return [legs_line(legs, manifest.get("union_today", {}), now_ns)] if len(legs) > 1 else []


def _charts(manifest: Mapping[str, Any], history: History, columns: int) -> tuple[Row, ...]:
    rate = history.latest_rate
    waiting = sum(sum(outbox["lanes"].values()) for outbox in manifest["queue"].values())
    messages = manifest["counters"].get("ws_messages_total", 0)
    return (
        (
            cell("   messages", "title"),
            cell(sparkline(history.rates(columns)), "chart"),
            [("----/s" if rate is None else f"{rate:,.0f}/s", "bold"), (f"  {messages:,}", "")],
        ),
        (
            cell("   waiting", "title"),
            cell(sparkline(history.waiting(columns)), "chart"),
            [(f"{waiting:,}", "bold"), ("  not yet durable", "")],
        ),
    )


def _figures(counters: Mapping[str, int]) -> tuple[Line, ...]:
    """Usual counts always, those of trouble where there is any."""
    usual: Line = [(f"{name} {counters.get(key, 0):,}  ", "dim") for name, key in _USUAL]
    trouble: Line = [
        (f"{name} {count:,}  ", "warn") for name, key in _TROUBLE if (count := counters.get(key, 0))
    ]
    shown = [*trouble, *usual] if trouble else [*usual, ("no errors", "dim")]
    return ([("   ", ""), shown[0]], *([item] for item in shown[1:]))


def _blocks(
    manifest: Mapping[str, Any], history: History, alive: Liveness, now_ns: int
) -> list[tuple[Block, Block]]:
    return [
        (problems_block(manifest.get("problems", ()), now_ns), Block("", "", ())),
        (markets_block(manifest["markets"], now_ns), processes_block(manifest["processes"], history)),
        (sessions_block(manifest["recent_sessions"], now_ns), queue_block(manifest["queue"])),
        (
            archives_block(manifest, now_ns),
            gaps_block(manifest["gaps"], manifest["counters"].get("gaps_total", 0), now_ns),
        ),
        (
            upload_block(manifest.get("upload", {}), manifest.get("disk", {}), now_ns, running=alive.running),
            Block("", "", ()),
        ),
        (trouble_block([*_unknown_recipes(manifest), *_errors(alive)]), Block("", "", ())),
    ]


def _unknown_recipes(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    unknown: Mapping[str, str] = manifest.get("books", {}).get("recipes_unknown", {})
    return [("book_auditor", reason) for reason in unknown.values()]


def _errors(alive: Liveness) -> list[tuple[str, str]]:
    return [error for error in alive.errors if error[0] != UPLOADER]


def share(wanted: list[int], room: int) -> list[int]:
    """Rows for each of several blocks: one to each in turn, none more than it wants, `room` in all."""
    given = [0] * len(wanted)
    while room > 0 and given != wanted:
        for index, want in enumerate(wanted):
            if given[index] < want and room > 0:
                given[index] += 1
                room -= 1
    return given


def _age_s(utc: str, now_ns: int) -> float:
    return (now_ns - parse_utc_ns(utc)) / NS_PER_SECOND
