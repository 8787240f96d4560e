"""The blocks of the status view: markets, processes, sessions, queue, archives, gaps, troubles."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.status.history import History
from common.core.terminal.text import Bar, Cell, Row, Style, cell, plain, size_text, span_text

Record = Mapping[str, Any]

WINDOW_CELLS = 6
LATE_S = 10.0  # a row that waits so long to become durable is worth a look, before health is red for it


class Block(msgspec.Struct, frozen=True):
    """A title, a remark beside it, and the rows of a table, the most telling first.

    `right` numbers the columns whose cells stand to the right, `droppable` those that may be left out where there is
    little room. A row of one cell has the whole width.
    """

    title: str
    remark: str
    rows: tuple[Row, ...]
    right: tuple[int, ...] = ()
    droppable: tuple[int, ...] = ()

    def narrowed(self, columns: int, gap: int) -> "Block":
        """Without those of its `droppable` columns, the first of them first, for which there is no room."""
        dropped: set[int] = set()
        for column in self.droppable:
            if self._width(dropped, gap) <= columns:
                break
            dropped.add(column)
        if not dropped:
            return self
        kept = [at for at in range(max(map(len, self.rows))) if at not in dropped]
        rows = tuple(row if len(row) == 1 else tuple(row[at] for at in kept) for row in self.rows)
        right = tuple(new for new, at in enumerate(kept) if at in self.right)
        return Block(self.title, self.remark, rows, right)

    def _width(self, dropped: Collection[int], gap: int) -> int:
        tables = [row for row in self.rows if len(row) > 1]
        widths = [
            max(map(_cells, column))
            for at, column in enumerate(zip(*tables, strict=True))
            if at not in dropped
        ]
        return sum(widths) + gap * (len(widths) - 1)

    def first(self, rows: int) -> tuple[tuple[Row, ...], str]:
        """So many rows; if several have room but not all, the last of them makes way for how many are left out."""
        if 1 < rows < len(self.rows):
            return self.rows[: rows - 1], f"   … {len(self.rows) - rows + 1} more"
        return self.rows[:rows], ""


def _cells(shown: Cell) -> int:
    return shown.width if isinstance(shown, Bar) else len(plain(shown))


def problems_block(problems: Sequence[Record], now_ns: int) -> Block:
    """What is wrong with the recording now, the oldest first; no block where nothing is."""
    rows = tuple(_problem(problem, now_ns) for problem in problems)
    return Block("PROBLEMS" if rows else "", "", rows)


def _problem(problem: Record, now_ns: int) -> Row:
    lasted_s = (now_ns - parse_utc_ns(problem["since_utc"])) / NS_PER_SECOND
    return ([(f"  for {span_text(lasted_s)}: ", "bad"), (problem["reason"], "")],)


def markets_block(markets: Sequence[Record], now_ns: int) -> Block:
    """Each market's window: how much of it has passed, and how long it still goes on."""
    windows = [_window(market, now_ns) for market in markets]
    live = sum(order == 0 for order, _, _ in windows)
    rows = tuple(line for _, _, line in sorted(windows, key=lambda window: window[:2]))
    return Block("MARKETS", f"{live} open of {len(markets)} recorded", rows, droppable=(1,))


def _window(market: Record, now_ns: int) -> tuple[int, int, Row]:
    name = f"  {market['slug']}"
    if not market["end_time_utc"]:
        return 0, 0, (cell(name, "bold"), cell(""), cell("while it is open", "dim"))
    start_ns, end_ns = parse_utc_ns(market["start_time_utc"]), parse_utc_ns(market["end_time_utc"])
    if now_ns >= end_ns:
        past_s = (now_ns - end_ns) / NS_PER_SECOND
        return 2, -end_ns, _market(name, 1, f"{span_text(past_s)} ago", "dim", "dim")
    if now_ns < start_ns:
        wait_s = (start_ns - now_ns) / NS_PER_SECOND
        return 1, start_ns, _market(name, 0, f"in {span_text(wait_s)}", "", "dim")
    passed = (now_ns - start_ns) / max(end_ns - start_ns, 1)
    left_s = (end_ns - now_ns) / NS_PER_SECOND
    return 0, end_ns, _market(name, passed, span_text(left_s), "bold", "warn" if left_s < 30 else "good")


def _market(name: str, passed: float, when: str, style: Style, colour: Style) -> Row:
    return cell(name, style), Bar(0, passed, colour, WINDOW_CELLS), cell(when, colour)


def processes_block(processes: Sequence[Record], history: History) -> Block:
    """Processor share, memory and restarts of each."""
    down = sum(process["pid"] is None for process in processes)
    down_first = sorted(processes, key=lambda process: process["pid"] is not None)
    remark = f"{len(processes)} processes" + (f", {down} down" if down else "")
    return Block(
        "PROCESSES", remark, tuple(_process(process, history) for process in down_first), (1, 2), (2, 1)
    )


def _process(process: Record, history: History) -> Row:
    name = f"  {process['name']}"
    if process["pid"] is None:
        return cell(name, "bad"), cell("down", "bad"), cell(""), cell("")
    cpu = history.cpu_share(process["pid"])
    shown = "--" if cpu is None else f"{cpu * 100:.0f}%"
    memory = "--" if process["rss_bytes"] is None else size_text(process["rss_bytes"])
    restarts = process["restarts"]
    return (
        cell(name),
        cell(shown, "warn" if cpu is not None and cpu > 0.9 else ""),
        cell(memory, "dim"),
        cell(f"↻{restarts}" if restarts else "", "warn"),
    )


def sessions_block(sessions: Sequence[Record], now_ns: int) -> Block:
    """The newest sessions first: reader and connection, how long, and its messages or how it ended."""
    open_count = sum(session["closed_at_utc"] is None for session in sessions)
    return Block(
        "SESSIONS",
        f"{open_count} open",
        tuple(_session(row, now_ns) for row in reversed(sessions)),
        (1, 2),
        (1, 2),
    )


def _session(session: Record, now_ns: int) -> Row:
    reader, connection = _session_name(session["session_id"])
    closed = session["closed_at_utc"]
    until_ns = now_ns if closed is None else parse_utc_ns(closed)
    lasted = span_text((until_ns - parse_utc_ns(session["opened_at_utc"])) / NS_PER_SECOND)
    if closed is None:
        messages = session["messages"]
        count = cell(f"{messages:,} msgs", "good" if messages else "warn")
        return cell(f"  {reader}"), cell(connection), cell(lasted), count
    reason = cell(session["close_reason"] or "", "bad" if session["stale"] else "dim")
    return cell(f"  {reader}", "dim"), cell(connection, "dim"), cell(lasted, "dim"), reason


def _session_name(session_id: str) -> tuple[str, str]:
    """`ws_reader-0` and `c3` of `ws_reader-0-20261123T203143Z-795915-c3`."""
    parts = session_id.rsplit("-", 3)
    return (parts[0], parts[3]) if len(parts) == 4 else (session_id, "")


def queue_block(queue: Mapping[str, Record]) -> Block:
    """Each producer's spool, and what waits in each of its lanes."""
    spool = sum(outbox["spool_bytes"] for outbox in queue.values())
    unowned = sum(max(len(outbox["lanes"]) - outbox["lanes_owned"], 0) for outbox in queue.values())
    remark = f"spool {size_text(spool)}" + (f", {unowned} unowned" if unowned else "")
    return Block("QUEUE", remark, tuple(_outbox(name, outbox) for name, outbox in sorted(queue.items())))


def _outbox(name: str, outbox: Record) -> Row:
    lanes: Mapping[str, int] = outbox["lanes"]
    waiting = "  ".join(f"{lane}:{count:,}" for lane, count in lanes.items() if count) or "nothing waits"
    oldest_s = max(outbox.get("oldest_seconds", {}).values(), default=0.0)
    late = oldest_s > LATE_S
    many = late or any(count > 10_000 for count in lanes.values())
    return (
        cell(f"  {name}"),
        [(waiting, "warn" if many else ""), (f"  oldest {span_text(oldest_s)}" if late else "", "bad")],
    )


def archives_block(manifest: Record, now_ns: int) -> Block:
    """What is being written, and how much of it is closed."""
    closed = manifest["closed_archives"]
    count = manifest["counters"].get("archives_closed_total", 0)
    size = size_text(sum(archive["bytes"] for archive in closed))
    newest = "" if count <= len(closed) else f"newest {len(closed)}: "
    rows = tuple(_open_archive(archive, now_ns) for archive in manifest["open_archives"])
    return Block("ARCHIVES", f"{count:,} closed ({newest}{size})", rows, (1, 2, 3), (3, 1))


def _open_archive(archive: Record, now_ns: int) -> Row:
    age_s = (now_ns - parse_utc_ns(archive["opened_at_utc"])) / NS_PER_SECOND
    return (
        cell(f"  {archive['stream']}"),
        cell(f"{archive['rows']:,}"),
        cell(size_text(archive["bytes"]), "bold"),
        cell(span_text(age_s), "dim"),
    )


def gaps_block(gaps: Sequence[Record], total: int, now_ns: int) -> Block:
    """The newest gaps first: when it was declared, the cause, and how much is missing."""
    remark = f"{total:,} declared" if total else "none"
    return Block("GAPS", remark, tuple(_gap(gap, now_ns) for gap in reversed(gaps)), (0,), (0,))


def _gap(gap: Record, now_ns: int) -> Row:
    ago_s = (now_ns - parse_utc_ns(gap["declared_at_utc"])) / NS_PER_SECOND
    lasted_s = (parse_utc_ns(gap["to_utc"]) - parse_utc_ns(gap["from_utc"])) / NS_PER_SECOND
    much = f"{gap['messages']:,} lost" if "messages" in gap else f"{lasted_s:.1f} s"
    return cell(f"  {span_text(ago_s)} ago", "dim"), cell(gap["cause"], "warn"), cell(much)


def trouble_block(errors: Sequence[tuple[str, str]]) -> Block:
    """The last error of each process that has one; no block without."""
    rows = tuple(_error(name, words) for name, words in errors)
    return Block("LAST ERRORS" if rows else "", "", rows)


def _error(name: str, words: str) -> Row:
    return ([(f"  {name}: ", "bad"), (words, "")],)
