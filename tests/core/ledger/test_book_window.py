"""The checks of a window as its ledger tells them, from rows as a recording holds them."""

import json
from typing import Any

from common.core.audit.checks import HEAL_MS
from common.core.events.reader import read_events
from common.core.ledger.book_window import BookHour, TokenChecks
from common.core.rows.reading import Row, row_of
from tests.core.audit.test_checks import TOKEN, Levels, document

ASKS = {"0.44": "7"}


class Rows:
    """A recording of one token, row by row into the account of a window."""

    def __init__(self) -> None:
        self.hour, self.bids, self.now_ms, self.sequence = BookHour(), {"0.42": "10"}, 1_000_000, 0

    def _row(self, record_type: str, **more: object) -> Row:
        row = {"record_type": record_type, "producer": "p", "session_id": "s", **more}
        return row_of(json.dumps({**row, "received_at_ns": self.now_ms * 1_000_000}).encode())

    def message(self, event: dict[str, Any], *, missed: int = 0) -> None:
        self.sequence += 1 + missed
        row = self._row("message", message_sequence=self.sequence, json=event)
        self.hour.message(row, read_events(bytes(row.json)))

    def snapshot(self) -> None:
        self.message({**document(self.bids, ASKS, self.now_ms), "event_type": "book"})

    def change(self, price: str, size: str, *, lost: bool = False, missed: int = 0) -> None:
        self.now_ms += HEAL_MS
        self.bids[price] = size
        stated = document(self.bids, ASKS, self.now_ms)["hash"]
        change = {"asset_id": TOKEN, "price": price, "size": size, "side": "BUY", "hash": stated}
        event = {"event_type": "price_change", "market": "0xabc", "timestamp": str(self.now_ms)}
        if not lost:
            self.message({**event, "price_changes": [change]}, missed=missed)

    def checkpoint(self, bids: Levels) -> None:
        books = [document(bids, ASKS, self.now_ms)]
        self.hour.checkpoint(self._row("rest_checkpoint", response={"raw_response_json": books}))

    def divergence(self, at_ms: int) -> None:
        detail = {"token_id": TOKEN, "check": "hash", "exchange_timestamp_ms": at_ms}
        self.hour.life_cycle(self._row("divergence", divergence=detail))


def test_checks_that_hold_are_counted_and_a_lost_change_is_a_divergence() -> None:
    rows = Rows()
    rows.snapshot()
    rows.change("0.41", "3")
    rows.checkpoint(rows.bids)
    assert rows.hour.finish() == {TOKEN: TokenChecks(passed=3)}
    rows.change("0.40", "5", lost=True)
    at_ms = rows.now_ms + HEAL_MS
    for size in ("4", "5", "6"):
        rows.change("0.41", size)
    assert rows.hour.finish()[TOKEN].divergences == 1
    rows.divergence(at_ms)
    assert rows.hour.finish()[TOKEN].divergences == 1, "a row that tells of the same one"
    rows.divergence(at_ms + 1)
    assert rows.hour.finish()[TOKEN].divergences == 2, "one that was found live only"


def test_what_was_not_recorded_is_not_checkable_and_no_divergence() -> None:
    rows = Rows()
    rows.snapshot()
    rows.change("0.40", "5", lost=True)
    rows.change("0.41", "3", missed=1)
    rows.change("0.41", "4")
    rows.checkpoint(rows.bids)
    found = rows.hour.finish()[TOKEN]
    assert (found.divergences, found.not_checkable) == (0, 1)
    assert found.passed == 1
