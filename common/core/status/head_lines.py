"""Lines at the head of the status view, each as items of which the last ones may be left out."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.terminal.text import Line, Style, span_text

Record = Mapping[str, Any]


def legs_line(legs: Sequence[Record], union_today: Record, now_ns: int) -> list[Line]:
    """Which legs record, where there are two, and what the second one gained today: the items of a line."""
    items: list[Line] = [[("   legs ", "title")]]
    for leg in legs:
        words = "up" if leg["up"] else "down"
        if leg["down_since_utc"] is not None:
            words += f" for {span_text((now_ns - parse_utc_ns(leg['down_since_utc'])) / NS_PER_SECOND)}"
        items.append(
            [
                (f" {leg['leg']} ", "bold"),
                (f"{words}, {leg['tokens']} tokens  ", "" if leg["up"] else "bad"),
            ]
        )
    healed_s = union_today.get("healed_seconds", 0.0)
    return [*items, [(f"healed {healed_s:,.1f} s today", "good" if healed_s else "dim")]]


_CONDITIONS: tuple[tuple[str, Style], ...] = (
    ("missing", "bad"),
    ("gap", "bad"),
    ("degraded", "warn"),
    ("complete", ""),
)


def books_line(manifest: Record) -> list[Line]:
    """How the rebuilt books and the ledgers of this run came out: the items of a line, the worst first."""
    books: Record = manifest["books"]
    diverged, unhealed = manifest["counters"].get("divergences_total", 0), books.get("unhealed", 0)
    words = (
        f"{diverged:,} divergence{'s' if diverged > 1 else ''}, {unhealed:,} unhealed"
        if diverged
        else "no divergence"
    )
    by_stream: Mapping[str, Mapping[str, int]] = manifest.get("ledgers_by_condition", {})
    counts = {name: sum(counted.get(name, 0) for counted in by_stream.values()) for name, _ in _CONDITIONS}
    ledgers: list[Line] = [
        [(f"  {counts[name]:,} {name}", style)] for name, style in _CONDITIONS if counts[name]
    ]
    return [
        [("   books ", "title"), (f" {books.get('tokens', 0):,} checked  ", "")],
        [(words, "bad" if unhealed else "warn" if diverged else "dim")],
        [("   ledgers", "title"), *(ledgers[0] if ledgers else [("  none written yet", "dim")])],
        *ledgers[1:],
    ]
