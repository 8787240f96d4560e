"""The blocks of the status view: markets, processes, sessions, queue, archives, gaps, troubles."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.status.history import History
from common.core.terminal.text import Line, bar, left, right, size_text, span_text

Row = Mapping[str, Any]

LATE_S = 10.0  # a row that waits so long to become durable is worth a look, before health is red for it


class Block(msgspec.Struct, frozen=True):
    """A title, a remark beside it, and rows, the most telling first."""

    title: str
    remark: str
    rows: tuple[Line, ...]

    def lines(self, rows: int) -> list[Line]:
        """The title and so many rows; the last of several tells how many were left out."""
        shown = list(self.rows[:rows])
        if 1 < rows < len(self.rows):
            shown[-1] = [(f"   … {len(self.rows) - rows + 1} more", "dim")]
        return [[(f" {self.title}", "title"), (f"  {self.remark}", "dim")], *shown]


def problems_block(problems: Sequence[Row], now_ns: int) -> Block:
    """What is wrong with the recording now, the oldest first; no block where nothing is."""
    rows = tuple(_problem(problem, now_ns) for problem in problems)
    return Block("PROBLEMS" if rows else "", "", rows)


def _problem(problem: Row, now_ns: int) -> Line:
    lasted_s = (now_ns - parse_utc_ns(problem["since_utc"])) / NS_PER_SECOND
    return [(f"  for {span_text(lasted_s)}: ", "bad"), (problem["reason"], "")]


def legs_line(legs: Sequence[Row], union_today: Row, now_ns: int) -> Line:
    """Which legs record, where there are two, and what the second one gained today."""
    line: Line = [("   legs ", "title")]
    for leg in legs:
        words = "up" if leg["up"] else "down"
        if leg["down_since_utc"] is not None:
            words += f" for {span_text((now_ns - parse_utc_ns(leg['down_since_utc'])) / NS_PER_SECOND)}"
        line += [
            (f" {leg['leg']} ", "bold"),
            (f"{words}, {leg['tokens']} tokens  ", "" if leg["up"] else "bad"),
        ]
    healed_s = union_today.get("healed_seconds", 0.0)
    return [*line, (f"healed {healed_s:,.1f} s today", "good" if healed_s else "dim")]


def markets_block(markets: Sequence[Row], now_ns: int) -> Block:
    """Each market's window: how much of it has passed, and how long it still goes on."""
    windows = [_window(market, now_ns) for market in markets]
    live = sum(order == 0 for order, _, _ in windows)
    rows = tuple(line for _, _, line in sorted(windows, key=lambda window: window[:2]))
    return Block("MARKETS", f"{live} open of {len(markets)} recorded", rows)


def _window(market: Row, now_ns: int) -> tuple[int, int, Line]:
    name = f"  {left(market['slug'], 25)} "
    if not market["end_time_utc"]:
        return 0, 0, [(name, "bold"), (" while it is open", "dim")]
    start_ns, end_ns = parse_utc_ns(market["start_time_utc"]), parse_utc_ns(market["end_time_utc"])
    if now_ns >= end_ns:
        past_s = (now_ns - end_ns) / NS_PER_SECOND
        return 2, -end_ns, [(name, "dim"), (bar(1, 6), "dim"), (f" {span_text(past_s)} ago", "dim")]
    if now_ns < start_ns:
        wait_s = (start_ns - now_ns) / NS_PER_SECOND
        return 1, start_ns, [(name, ""), (bar(0, 6), "dim"), (f" in {span_text(wait_s)}", "dim")]
    passed = (now_ns - start_ns) / max(end_ns - start_ns, 1)
    left_s = (end_ns - now_ns) / NS_PER_SECOND
    colour = "warn" if left_s < 30 else "good"
    return 0, end_ns, [(name, "bold"), (bar(passed, 6), colour), (f" {span_text(left_s)}", colour)]


def processes_block(processes: Sequence[Row], history: History) -> Block:
    """Processor share, memory and restarts of each."""
    down = sum(process["pid"] is None for process in processes)
    down_first = sorted(processes, key=lambda process: process["pid"] is not None)
    remark = f"{len(processes)} processes" + (f", {down} down" if down else "")
    return Block("PROCESSES", remark, tuple(_process(process, history) for process in down_first))


def _process(process: Row, history: History) -> Line:
    name = f"  {left(process['name'], 17)}"
    if process["pid"] is None:
        return [(name, "bad"), (" down", "bad")]
    cpu = history.cpu_share(process["pid"])
    shown = "--" if cpu is None else f"{cpu * 100:.0f}%"
    memory = "--" if process["rss_bytes"] is None else size_text(process["rss_bytes"])
    restarts = process["restarts"]
    return [
        (name, ""),
        (right(shown, 4), "warn" if cpu is not None and cpu > 0.9 else ""),
        (right(memory, 9), "dim"),
        (f" ↻{restarts}" if restarts else "", "warn"),
    ]


def sessions_block(sessions: Sequence[Row], now_ns: int) -> Block:
    """The newest sessions first: reader and connection, how long, and its messages or how it ended."""
    open_count = sum(session["closed_at_utc"] is None for session in sessions)
    return Block("SESSIONS", f"{open_count} open", tuple(_session(row, now_ns) for row in reversed(sessions)))


def _session(session: Row, now_ns: int) -> Line:
    reader, connection = _session_name(session["session_id"])
    closed = session["closed_at_utc"]
    until_ns = now_ns if closed is None else parse_utc_ns(closed)
    lasted_s = (until_ns - parse_utc_ns(session["opened_at_utc"])) / NS_PER_SECOND
    name = f"  {left(reader, 12)}{right(connection, 4)}"
    lasted = right(span_text(lasted_s), 9)
    if closed is None:
        messages = session["messages"]
        return [(name, ""), (lasted, ""), (f"  {messages:,} msgs", "good" if messages else "warn")]
    colour = "bad" if session["stale"] else "dim"
    return [(name, "dim"), (lasted, "dim"), (f"  {session['close_reason']}", colour)]


def _session_name(session_id: str) -> tuple[str, str]:
    """`ws_reader-0` and `c3` of `ws_reader-0-20261123T203143Z-795915-c3`."""
    parts = session_id.rsplit("-", 3)
    return (parts[0], parts[3]) if len(parts) == 4 else (session_id, "")


def queue_block(queue: Mapping[str, Row]) -> Block:
    """Each producer's spool, and what waits in each of its lanes."""
    spool = sum(outbox["spool_bytes"] for outbox in queue.values())
    unowned = sum(max(len(outbox["lanes"]) - outbox["lanes_owned"], 0) for outbox in queue.values())
    remark = f"spool {size_text(spool)}" + (f", {unowned} unowned" if unowned else "")
    return Block("QUEUE", remark, tuple(_outbox(name, outbox) for name, outbox in sorted(queue.items())))


def _outbox(name: str, outbox: Row) -> Line:
    lanes: Mapping[str, int] = outbox["lanes"]
    waiting = "  ".join(f"{lane}:{count:,}" for lane, count in lanes.items() if count) or "nothing waits"
    oldest_s = max(outbox.get("oldest_seconds", {}).values(), default=0.0)
    late = oldest_s > LATE_S
    return [
        (f"  {left(name, 17)} ", ""),
        (waiting, "warn" if late or any(count > 10_000 for count in lanes.values()) else ""),
        (f"  oldest {span_text(oldest_s)}" if late else "", "bad"),
    ]


def archives_block(manifest: Row, now_ns: int) -> Block:
    """What is being written, and how much of it is closed."""
    closed = manifest["closed_archives"]
    count = manifest["counters"].get("archives_closed_total", 0)
    size = size_text(sum(archive["bytes"] for archive in closed))
    newest = "" if count <= len(closed) else f"newest {len(closed)}: "
    rows = tuple(_open_archive(archive, now_ns) for archive in manifest["open_archives"])
    return Block("ARCHIVES", f"{count:,} closed ({newest}{size})", rows)


def _open_archive(archive: Row, now_ns: int) -> Line:
    age_s = (now_ns - parse_utc_ns(archive["opened_at_utc"])) / NS_PER_SECOND
    return [
        (f"  {left(archive['stream'], 16)}", ""),
        (right(f"{archive['rows']:,}", 9), ""),
        (right(size_text(archive["bytes"]), 9), "bold"),
        (right(span_text(age_s), 7), "dim"),
    ]


def gaps_block(gaps: Sequence[Row], total: int, now_ns: int) -> Block:
    """The newest gaps first: when it was declared, the cause, and how much is missing."""
    remark = f"{total:,} declared" if total else "none"
    return Block("GAPS", remark, tuple(_gap(gap, now_ns) for gap in reversed(gaps)))


def _gap(gap: Row, now_ns: int) -> Line:
    ago_s = (now_ns - parse_utc_ns(gap["declared_at_utc"])) / NS_PER_SECOND
    lasted_s = (parse_utc_ns(gap["to_utc"]) - parse_utc_ns(gap["from_utc"])) / NS_PER_SECOND
    much = f"{gap['messages']:,} lost" if "messages" in gap else f"{lasted_s:.1f} s"
    return [(f"  {span_text(ago_s)} ago ", "dim"), (f"{gap['cause']} ", "warn"), (much, "")]


def trouble_block(errors: Sequence[tuple[str, str]]) -> Block:
    """The last error of each process that has one; no block without."""
    rows: tuple[Line, ...] = tuple([(f"  {name}: ", "bad"), (words, "")] for name, words in errors)
    return Block("LAST ERRORS" if rows else "", "", rows)
