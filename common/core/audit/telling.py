"""What the auditor tells of a divergence, or of a feed that is proved frozen."""

from typing import Any

from common.core.audit.connections import Judged
from common.core.audit.frozen import Evidence
from common.core.audit.wishes import Wish
from common.core.instants import utc_text

LEVELS_TOLD = 50


def key_of(judged: Judged) -> tuple[str, str, str, int]:
    """What tells divergences apart."""
    result = judged.result
    return judged.reader, result.token_id, result.check, result.timestamp_ms


def divergence_detail(judged: Judged, now_ns: int) -> dict[str, Any]:
    """The detail of its row, but for the legs."""
    result = judged.result
    return {
        "found_at_utc": utc_text(now_ns),
        "session_id": judged.session_id,
        "token_id": result.token_id,
        "check": result.check,
        "verdict": result.verdict,
        "why": result.reason,
        "exchange_timestamp_ms": result.timestamp_ms,
        "checkpoint_sequence": result.checkpoint_sequence,
        "levels_from": result.levels_from,
        "differing_levels": len(result.levels),
        "levels": [level._asdict() for level in result.levels[:LEVELS_TOLD]],
    }


def stale_wish(reader: str, session_id: str, evidence: Evidence, last_market_data_ns: int) -> Wish:
    """The wish that a frozen session be ended."""
    newer_s = (evidence.checkpoint_ms - evidence.stream_ms) / 1000
    return Wish(
        0,
        reader,
        session_id,
        "stale",
        evidence.token_id,
        f"a checkpoint is {newer_s:.3f} s newer than the silent stream",
        last_market_data_ns=last_market_data_ns,
    )
