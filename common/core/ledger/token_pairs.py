"""One token over one window as two legs received it: what both have, what one has alone, and what was withheld."""

from collections import deque
from typing import NamedTuple

from common.core.ledger.skew import Skews
from common.core.merging.coverage import LegCoverage
from common.core.number_runs import Run


class Received(NamedTuple):
    """A message as the merge of two legs refers to it; `proof_ns` is 0 for one whose order proves nothing."""

    token_ids: tuple[str, ...]
    received_ns: int
    exchange_ns: int
    proof_ns: int


class _Withheld:
    """What the other leg has alone, of which it is not known yet whether this one was connected all the while.

    Between the last proof that this leg has before a withheld message and its next one, more may be missing.
    """

    def __init__(self, token_id: str, coverage: LegCoverage) -> None:
        self.messages = 0
        self.losses: list[Run] = []
        self._token_id, self._coverage = token_id, coverage
        self._waiting: deque[tuple[int, int, bool]] = deque()
        self._last_proof_ns = 0
        self._loses_from_ns: int | None = None

    def has(self, message: Received) -> None:
        """This leg has a message."""
        if not message.proof_ns:
            return
        self._look()
        if self._loses_from_ns is not None:
            self.losses.append((self._loses_from_ns, message.proof_ns - 1))
            self._loses_from_ns = None
        self._last_proof_ns = max(self._last_proof_ns, message.proof_ns)

    def lacks(self, message: Received) -> None:
        """Only the other leg has a message."""
        self._waiting.append((message.exchange_ns, self._last_proof_ns, bool(message.proof_ns)))
        self._look()

    def _look(self) -> None:
        while self._waiting:
            at_ns, before_ns, is_proof = self._waiting[0]
            proved = self._coverage.proves(self._token_id, at_ns)
            if proved is None:
                return
            self._waiting.popleft()
            if proved:
                self._note(at_ns, before_ns, is_proof=is_proof)

    def _note(self, at_ns: int, before_ns: int, *, is_proof: bool) -> None:
        self.messages += 1
        if not is_proof:
            return
        if before_ns == self._last_proof_ns and self._loses_from_ns is None:
            self._loses_from_ns = before_ns + 1
        elif before_ns != self._last_proof_ns:
            self.losses.append((before_ns + 1, max(at_ns, self._last_proof_ns) - 1))

    def finish(self, until_ns: int) -> None:
        """No more will come: the window ends."""
        self._look()
        self._waiting.clear()
        if self._loses_from_ns is not None:
            self.losses.append((self._loses_from_ns, max(until_ns, self._loses_from_ns)))
            self._loses_from_ns = None


class TokenPairs:
    """Filled in the order of the union."""

    def __init__(self, token_id: str, coverage_a: LegCoverage, coverage_b: LegCoverage) -> None:
        self.both = self.only_a = self.only_b = self.doubtful = 0
        self.skews = Skews()
        self.withheld_a = _Withheld(token_id, coverage_a)
        self.withheld_b = _Withheld(token_id, coverage_b)

    def take(self, a: Received | None, b: Received | None, *, doubtful: bool) -> None:
        """One message of the union, as each leg received it. A doubtful one is not held against a leg."""
        self.doubtful += doubtful
        self.both += a is not None and b is not None
        self.only_a += b is None
        self.only_b += a is None
        if a is not None and b is not None:
            self.skews.add(b.received_ns - a.received_ns)
        for one, other, withheld in ((a, b, self.withheld_a), (b, a, self.withheld_b)):
            if one is not None:
                withheld.has(one)
            elif other is not None and not doubtful:
                withheld.lacks(other)

    def finish(self, until_ns: int) -> None:
        """No more will come: the window ends."""
        self.withheld_a.finish(until_ns)
        self.withheld_b.finish(until_ns)
