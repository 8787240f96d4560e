"""A reader's outbox of which a change was lost, for whoever follows it."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

from tests.core.audit.test_checks import TOKEN, document
from tests.queue.producing import Producing

ASKS = {"0.44": "7"}
BEGIN_MS = 10_000  # before now: exchange times must not be ahead of ours


class Diverging:
    """One token's book and its changes, each with its right hash."""

    def __init__(self, run_dir: Path) -> None:
        self.producing = Producing(run_dir, "ws_reader-0", lanes=1)
        self._bids = {"0.42": "10", "0.40": "5"}
        self._at_ms = 0

    def whole_book(self) -> None:
        """A snapshot of some seconds ago, and a change whose hash holds."""
        self._at_ms = time.monotonic_ns() // 1_000_000 - BEGIN_MS
        self._send({**document(self._bids, ASKS, self._at_ms), "event_type": "book"})
        self.change("11", after_ms=1)

    def change(self, size: str, *, after_ms: int = 600) -> None:
        """A level changes."""
        self._at_ms += after_ms
        self._bids["0.42"] = size
        stated = document(self._bids, ASKS, self._at_ms)["hash"]
        entry = {"asset_id": TOKEN, "price": "0.42", "size": size, "side": "BUY", "hash": stated}
        event = {"event_type": "price_change", "market": "0xabc", "timestamp": str(self._at_ms)}
        self._send({**event, "price_changes": [entry]})

    def lose_a_change(self) -> None:
        """Another level changes unheard, and the hashes of what follows show it."""
        self._bids["0.40"] = "6"
        for size in ("12", "13", "14"):
            self.change(size)

    def _send(self, event: Mapping[str, object]) -> None:
        self.producing.now_ns = time.monotonic_ns()
        self.producing.append(1, json.dumps(event).encode())

    def look(self) -> None:
        """Let observers have what they have not had yet."""
        self.producing.now_ns = time.monotonic_ns()
        self.producing.look()
