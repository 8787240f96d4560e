"""The status view: a run manifest laid out for a terminal of any size.

Pure: the same manifest, history, size and instant give the same lines. Never wider or taller than asked.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.status.blocks import (
    Block,
    archives_block,
    gaps_block,
    legs_line,
    markets_block,
    problems_block,
    processes_block,
    queue_block,
    sessions_block,
    trouble_block,
)
from common.core.status.history import History
from common.core.status.upload_block import upload_block
from common.core.terminal.text import Line, fit, painted, plain, span_text, sparkline

WIDEST_LEFT = 52
TWO_COLUMNS = 76  # cells from which blocks stand side by side
UPLOADER = "uploader"  # its last error stands in a block of its own
QUIET_S = 10.0  # without market data; worth a look, long before a session counts as stale
_STATE_COLOURS = {"RUNNING_RECEIVING": "good", "STOPPED": "dim", "FAILED": "bad"}
_FIGURES = (
    ("checkpoints", "rest_requests_total"),
    ("failed", "rest_failures_total"),
    ("reconnects", "reconnects_total"),
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


def render(
    manifest: Mapping[str, Any],
    history: History,
    width: int,
    height: int,
    now_ns: int,
    *,
    liveness: Liveness | None = None,
    colours: bool = False,
    hint: str = "",
) -> list[str]:
    """At most `height` lines of at most `width` cells; `now_ns` is wall time, `hint` stands in the last line."""
    alive = liveness or Liveness(running=True, pid=None, words="")
    lines = [*_head(manifest, alive, now_ns), *_legs(manifest, now_ns), *_charts(manifest, history, width)]
    lines.append([("", "")])
    pairs = _blocks(manifest, history, alive, now_ns)
    room = height - len(lines) - 1
    if width >= TWO_COLUMNS:
        lines += _side_by_side(pairs, width, room)
    else:
        lines += _stacked([block for pair in pairs for block in pair], room)
    lines = lines[: max(height - 1, 0)]
    words = (alive.words, "warn" if alive.running else "bad") if alive.words else (hint, "dim")
    lines.append([(f" {utc_text(now_ns)[11:19]} UTC   ", "dim"), words])
    shown = [fit(line, width) for line in lines[:height]]
    return [painted(line) if colours else plain(line) for line in shown]


def _head(manifest: Mapping[str, Any], alive: Liveness, now_ns: int) -> list[Line]:
    state = manifest["state"]
    colour = _STATE_COLOURS.get(state, "warn") if alive.running else "bad"
    shown = state if alive.running else f"NOT RUNNING, last {state}"
    until_ns = now_ns if alive.running else parse_utc_ns(manifest["updated_at_utc"])
    up_s = (until_ns - parse_utc_ns(manifest["started_at_utc"])) / NS_PER_SECOND
    last = manifest["last_successful_ws_message_at_utc"]
    silence_s = None if last is None else _age_s(last, now_ns)
    silence = "none yet" if silence_s is None else f"{span_text(silence_s)} ago"
    quiet = "warn" if alive.running and (silence_s is None or silence_s > QUIET_S) else ""
    discovery_s = alive.discovery_age_s
    discovery = "never" if discovery_s is None else f"{span_text(discovery_s)} ago"
    return [
        [
            (" ● ", colour),
            (shown, colour),
            (f"   up {span_text(up_s)}", "bold"),
            (f"   run {manifest['run_id']}", "dim"),
            ("   simulated exchange" if manifest.get("exchange") == "simulated" else "", "warn"),
        ],
        [("   last market data ", "dim"), (silence, quiet), ("   last discovery ", "dim"), (discovery, "")],
    ]


def _legs(manifest: Mapping[str, Any], now_ns: int) -> list[Line]:
    legs = manifest.get("legs", ())
    return [legs_line(legs, manifest.get("union_today", {}), now_ns)] if len(legs) > 1 else []


def _charts(manifest: Mapping[str, Any], history: History, width: int) -> list[Line]:
    counters = manifest["counters"]
    columns = max(min(width - 36, 60), 4)
    rate = history.latest_rate
    waiting = sum(sum(outbox["lanes"].values()) for outbox in manifest["queue"].values())
    figures: Line = [("   ", "")]
    for name, key in _FIGURES:
        count = counters.get(key, 0)
        trouble = bool(count) and name not in {"checkpoints", "reconnects"}
        figures.append((f"{name} {count:,}  ", "warn" if trouble else "dim"))
    return [
        [
            ("   messages ", "title"),
            (sparkline(history.rates(columns)), "chart"),
            (" ----/s" if rate is None else f" {rate:,.0f}/s", "bold"),
            (f"  {counters.get('ws_messages_total', 0):,}", ""),
        ],
        [
            ("   waiting  ", "title"),
            (sparkline(history.waiting(columns)), "chart"),
            (f" {waiting:,}", "bold"),
            ("  not yet durable", ""),
        ],
        figures,
    ]


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


def _side_by_side(pairs: list[tuple[Block, Block]], width: int, room: int) -> list[Line]:
    pairs = [pair for pair in pairs if any(block.rows or block.title for block in pair)]
    rows = share([max(len(one.rows), len(other.rows)) for one, other in pairs], room - len(pairs))
    airy = room - len(pairs) - sum(rows) >= len(pairs)
    left_width = min((width - 2) * 5 // 9, WIDEST_LEFT)
    lines: list[Line] = []
    for (one, other), count in zip(pairs, rows, strict=True):
        if airy and lines:
            lines.append([])
        if not other.title:
            lines += one.lines(count)
            continue
        lefts, rights = one.lines(count), other.lines(count)
        height = max(len(lefts), len(rights))
        for index in range(height):
            left_line = fit(lefts[index] if index < len(lefts) else [], left_width, pad=True)
            right_line = rights[index] if index < len(rights) else []
            lines.append([*left_line, ("  ", ""), *fit(right_line, width - left_width - 2)])
    return lines


def _stacked(blocks: list[Block], room: int) -> list[Line]:
    blocks = [block for block in blocks if block.title]
    rows = share([len(block.rows) for block in blocks], room - len(blocks))
    return [line for block, count in zip(blocks, rows, strict=True) for line in block.lines(count)]


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
