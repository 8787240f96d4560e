"""What happens now, laid out for the page: rates, queue, processes, sessions and gaps of a run manifest."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.core.counters import CounterName
from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.page.recent import Recent

MOST_ROWS = 12
Row = Mapping[str, Any]


def now_view(document: Row, recent: Recent, *, now_ns: int, monotonic_ns: int) -> dict[str, Any]:
    """The document of the panel; `now_ns` is wall time, `monotonic_ns` the clock of `recent`."""
    queue = [_outbox(name, outbox) for name, outbox in sorted(document["queue"].items())]
    counters = document["counters"]
    return {
        "rates": recent.rates(),
        "waiting": recent.waiting(),
        "ages_seconds": recent.ages_s(monotonic_ns),
        "legs": document.get("legs") or [],
        "messages": counters.get("ws_messages_total", 0),
        "last_market_data_utc": document["last_successful_ws_message_at_utc"],
        "figures": {name: counters.get(name, 0) for name in _FIGURES},
        "queue": queue,
        "spool_bytes": sum(outbox["spool_bytes"] for outbox in queue),
        "waiting_now": sum(outbox["waiting"] for outbox in queue),
        "oldest_seconds": max((outbox["oldest_seconds"] for outbox in queue), default=0.0),
        "processes": [_process(process, recent) for process in document["processes"]],
        "sessions": [_session(row, now_ns) for row in _newest(document["recent_sessions"])],
        "gaps": [_gap(row) for row in _newest(document["gaps"])],
        "gaps_total": counters.get("gaps_total", 0),
        "divergences": [dict(row) for row in _newest(document["divergences"])],
    }


_FIGURES: tuple[CounterName, ...] = (
    "reconnects_total",
    "stale_reconnects_total",
    "rest_requests_total",
    "rest_failures_total",
    "json_errors_total",
    "unknown_messages_total",
    "unusable_events_total",
    "divergences_total",
    "process_restarts_total",
)


def _newest(rows: Sequence[Row]) -> list[Row]:
    return list(reversed(rows))[:MOST_ROWS]


def _outbox(name: str, outbox: Row) -> dict[str, Any]:
    return {
        "producer": name,
        "spool_bytes": outbox["spool_bytes"],
        "waiting": sum(outbox["lanes"].values()),
        "oldest_seconds": max((outbox.get("oldest_seconds") or {}).values(), default=0.0),
        "lanes_without_writer": len(outbox.get("lanes_without_writer") or ()),
    }


def _process(process: Row, recent: Recent) -> dict[str, Any]:
    pid = process["pid"]
    return {
        "name": process["name"],
        "up": pid is not None,
        "cpu_share": None if pid is None else recent.cpu_share(pid),
        "rss_bytes": process["rss_bytes"],
        "restarts": process["restarts"],
        "flapping": bool(process.get("flapping")),
    }


def _session(session: Row, now_ns: int) -> dict[str, Any]:
    closed = session["closed_at_utc"]
    until_ns = now_ns if closed is None else parse_utc_ns(closed)
    return {
        "session_id": session["session_id"],
        "opened_at_utc": session["opened_at_utc"],
        "open": closed is None,
        "lasted_seconds": round((until_ns - parse_utc_ns(session["opened_at_utc"])) / NS_PER_SECOND, 1),
        "messages": session["messages"],
        "tokens": session.get("tokens"),
        "close_reason": session["close_reason"],
        "stale": bool(session["stale"]),
    }


def _gap(gap: Row) -> dict[str, Any]:
    return {key: gap.get(key) for key in ("declared_at_utc", "from_utc", "to_utc", "cause", "producer")}
