"""Quiet books whose snapshots the auditor did not hear are asked for, and those that are never checked are counted."""

import json

from common.core.audit.heard import Heard
from common.core.audit.live import ASK_UNHEARD_NS, UNHEARD_AT_ONCE, Audit
from common.core.audit.unchecked_tokens import PATIENCE_NS

S = 1_000_000_000
START_NS = 1_795_462_109 * S
TOKENS = [digit * 60 for digit in "1234567"]


def book(token_id: str) -> bytes:
    event = {"market": "0x" + "c" * 64, "asset_id": token_id, "timestamp": str(START_NS // 1_000_000)}
    return json.dumps(event | {"bids": [], "asks": [], "event_type": "book"}).encode()


class Listening:
    """An auditor that hears a session from a given message on."""

    def __init__(self, first: int) -> None:
        self.audit, self.now_ns, self.sequence = Audit(silence_ns=60 * S), START_NS, first
        self.hear(book(TOKENS[0]))

    def hear(self, payload: bytes) -> None:
        heard = Heard("r", "s", self.sequence, self.now_ns)
        self.audit.subscribed(heard, TOKENS)
        self.audit.message(heard, self.now_ns, payload)
        self.sequence += 1

    def asked_after(self, pause_ns: int) -> list[str]:
        self.now_ns += pause_ns
        return [wish.token_id for wish in self.audit.judge(self.now_ns, self.now_ns)]


def test_snapshots_that_passed_unheard_are_asked_for_a_few_at_a_time() -> None:
    late = Listening(first=9)
    assert late.asked_after(S) == []
    assert late.asked_after(PATIENCE_NS) == TOKENS[1 : 1 + UNHEARD_AT_ONCE]
    assert late.asked_after(1) == []
    assert late.asked_after(ASK_UNHEARD_NS) == TOKENS[1 + UNHEARD_AT_ONCE :]
    assert late.asked_after(ASK_UNHEARD_NS) == [], "each is asked for more and more seldom"
    late.hear(book(TOKENS[1]))
    assert TOKENS[1] not in late.asked_after(600 * S)


def test_tokens_that_are_never_checked_are_counted() -> None:
    listening = Listening(first=1)
    assert listening.audit.never_checked(listening.now_ns) == 0
    assert listening.audit.never_checked(listening.now_ns + PATIENCE_NS + 1) == len(TOKENS)
