"""What is known of tokens that nobody follows any more is let go: windows roll for months."""

import gc
import json
from types import FunctionType, ModuleType
from typing import Any

from common.core.audit.heard import Heard
from common.core.audit.live import Audit
from common.core.audit.unchecked_tokens import PATIENCE_NS
from common.core.rows.reading import row_of
from tests.core.audit.test_checks import document

S = 1_000_000_000
READER = "ws_reader-0"


def reachable(root: object) -> int:
    """Objects that are kept alive by this one, without classes and functions."""
    seen, left = {id(root)}, [root]
    while left:
        for found in gc.get_referents(left.pop()):
            if id(found) not in seen and not isinstance(found, (type, ModuleType, FunctionType)):
                seen.add(id(found))
                left.append(found)
    return len(seen)


class Windows:
    """A session for each window, with tokens of its own: one is heard, of the other the snapshot passes unheard."""

    def __init__(self) -> None:
        self.audit, self.now_ns, self.number = Audit(silence_ns=60 * S), 1_795_435_200 * S, 0

    def life_cycle(self, record_type: str) -> None:
        row = {
            "record_type": record_type,
            "session_id": f"s{self.number}",
            record_type: {},
            "received_at_ns": 1,
        }
        self.audit.life_cycle(READER, row_of(json.dumps(row).encode()))

    def hear(self, sequence: int, event: dict[str, Any]) -> None:
        heard = Heard(READER, f"s{self.number}", sequence, self.now_ns)
        self.audit.subscribed(heard, self.tokens)
        self.audit.message(heard, self.now_ns, json.dumps(event).encode())
        self.audit.judge(self.now_ns, self.now_ns)
        self.audit.take_results()

    @property
    def tokens(self) -> tuple[str, str]:
        return f"{self.number}1" * 9, f"{self.number}2" * 9

    def roll(self) -> None:
        self.number += 1
        self.life_cycle("session_opened")
        bids, token = {"0.42": "10"}, self.tokens[0]
        self.hear(9, {**self._document(bids), "event_type": "book"})
        for size in ("11", "12", "13", "14"):
            self.now_ns += S
            bids["0.42"] = size
            stated = self._document(bids)["hash"]
            entry = {"asset_id": token, "price": "0.42", "size": size, "side": "BUY", "hash": stated}
            event = {"event_type": "price_change", "market": "0xabc", "timestamp": str(self.now_ns // 10**6)}
            self.hear(10 + int(size), {**event, "price_changes": [entry]})
        self.now_ns += PATIENCE_NS + S
        self.audit.judge(self.now_ns, self.now_ns)
        self.life_cycle("session_closed")

    def _document(self, bids: dict[str, str]) -> dict[str, Any]:
        return document(bids, {"0.44": "7"}, self.now_ns // 10**6, token=self.tokens[0])


def test_hundreds_of_windows_leave_nothing_behind_but_the_terms_of_their_hashes() -> None:
    windows = Windows()
    for _ in range(20):
        windows.roll()
    before = reachable(windows.audit)
    for _ in range(200):
        windows.roll()
    terms = (
        2 * 200
    )  # a token's name and its terms: they are bounded by themselves, and many readers may need them
    assert reachable(windows.audit) <= before + terms
