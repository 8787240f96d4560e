"""A token's book at many instants of one stretch, for a slider: what a replay gives, made small."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from common.core.instants import utc_text
from common.core.views.book_view import BookView

MOST_SPAN_S = 4 * 3600
MOST_FRAMES = 240
LEVELS = 12


class BookQuestion(msgspec.Struct, frozen=True, tag="book"):
    """The stretch of a token's book that is asked for, and at how many instants of it."""

    token_id: str
    from_ns: int
    to_ns: int
    frames: int = MOST_FRAMES

    @property
    def instants_ns(self) -> list[int]:
        """The instants, evenly spaced, both ends included."""
        steps = max(self.frames - 1, 1)
        return [self.from_ns + (self.to_ns - self.from_ns) * step // steps for step in range(steps + 1)]


def frames_at(views: Iterable[BookView], instants_ns: Sequence[int]) -> Iterator[BookView | None]:
    """For each instant the newest view by then, as `replay-book --at` shows it; None before the first one."""
    coming = iter(views)
    newest: BookView | None = None
    following = next(coming, None)
    for at_ns in instants_ns:
        while following is not None and following.received_at_ns <= at_ns:
            newest, following = following, next(coming, None)
        yield newest


def book_document(
    frames: Sequence[BookView | None], question: BookQuestion, *, recorded_until_ns: int
) -> dict[str, Any]:
    """The answer. Nothing is said of instants after `recorded_until_ns`: the archives end there."""
    known = [
        frame if at_ns <= recorded_until_ns else None
        for at_ns, frame in zip(question.instants_ns, frames, strict=True)
    ]
    newest = next((frame for frame in reversed(known) if frame is not None), None)
    return {
        "token": None if newest is None else newest.token,
        "exchange": None if newest is None else newest.exchange,
        "recorded_until_utc": utc_text(recorded_until_ns) if recorded_until_ns else None,
        "frames": [
            {"at_utc": utc_text(at_ns), **_frame(view)}
            for at_ns, view in zip(question.instants_ns, known, strict=True)
        ],
    }


def _frame(view: BookView | None) -> dict[str, Any]:
    if view is None or not view.book:
        unknown = None if view is None or view.unknown is None else view.unknown.reason
        return {"book": False, "unknown": unknown, "mid": None}
    return {
        "book": True,
        "mid": _mid(view),
        "event": view.event,
        "received_at_utc": utc_text(view.received_at_ns),
        "verdict": view.verdict,
        "tick_size": view.tick_size,
        "bids": view.bids,
        "asks": view.asks,
        "bid_levels": view.bid_levels,
        "ask_levels": view.ask_levels,
    }


def _mid(view: BookView) -> float | None:
    if not (view.bids and view.asks):
        return None
    return round((float(view.bids[0][0]) + float(view.asks[0][0])) / 2, 6)
