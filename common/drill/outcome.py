"""What a case of the drill is, and what came of it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from common.errors import RecorderError

Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]


class Inconclusive(RecorderError):
    """The case cannot prove anything here: the fault did not land, or cannot be made on this machine."""


class Counts(msgspec.Struct, frozen=True):
    """Frames: sent by the exchange's own account, numbered by the reader, in archives, lost, and recorded twice.

    `unconfirmed` were sent at the end of a connection that broke: nobody can tell whether they arrived.
    """

    sent: int = 0
    received: int = 0
    archived: int = 0
    unconfirmed: int = 0
    lost: int = 0
    twice: int = 0


class Outcome(msgspec.Struct, frozen=True):
    """One case: what was promised, what was done, what was found wrong."""

    case: str
    promise: str
    done: tuple[str, ...]
    verdict: Verdict
    reasons: tuple[str, ...]
    counts: Counts
    seconds: float


class Evidence(msgspec.Struct, frozen=True):
    """What a case hands back: no `wrongs` is a pass."""

    done: Sequence[str]
    wrongs: Sequence[str]
    counts: Counts

    def with_wrongs(self, more: Sequence[str]) -> "Evidence":
        """The same, and more that is wrong."""
        return Evidence(self.done, [*more, *self.wrongs], self.counts)


class Plan(msgspec.Struct, frozen=True):
    """How a case is run: `duration_s` of load at `rate` frames a second."""

    duration_s: float
    rate: float
    seed: int


class Case(msgspec.Struct, frozen=True):
    """One way to break a recorder, and what is promised then."""

    name: str
    promise: str
    run: Callable[[Plan, Path], Evidence]
