"""A run manifest as a document, with what a test wants in it."""

from typing import Any

from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text

NOW = parse_utc_ns("2026-11-23T12:00:00Z")


def at(seconds: float) -> str:
    """An instant so many seconds from NOW."""
    return utc_text(NOW + int(seconds * NS_PER_SECOND))


def market(slug: str, start_s: float | None, end_s: float | None, token_id: str = "7") -> dict[str, Any]:
    """A market with two tokens, whose window is given in seconds from NOW."""
    return {
        "slug": slug,
        "condition_id": "0xabc",
        "series": "btc-up-or-down-5m",
        "start_time_utc": "" if start_s is None else at(start_s),
        "end_time_utc": "" if end_s is None else at(end_s),
        "tokens": [
            {"token_id": token_id, "outcome": "Up"},
            {"token_id": f"{token_id}0", "outcome": "Down"},
        ],
    }


def manifest(**fields: object) -> dict[str, Any]:
    """A run that has lasted for an hour and receives."""
    return {
        "run_id": "20261123T110000Z-beef",
        "state": "RUNNING_RECEIVING",
        "started_at_utc": at(-3600),
        "last_successful_ws_message_at_utc": at(-1),
        "markets": [],
        "counters": {},
        "recent_sessions": [],
        "open_archives": [],
        "closed_archives": [],
        "queue": {},
        "processes": [],
        "upload": {"enabled": False},
        "disk": {"full_in_seconds": None},
        "gaps": [],
        "divergences": [],
        "problems": [],
        "legs": [{"leg": "a", "up": True, "tokens": 4, "down_since_utc": None}],
        **fields,
    }
