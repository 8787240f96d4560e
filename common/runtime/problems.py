"""The problems of one process: stated while they last, logged when they begin and end, shown in its facts."""

import logging
from collections.abc import Mapping

import msgspec

from common.core.instants import utc_text
from common.core.problems import Problem, ProblemKind
from common.runtime.clock import CLOCK, Clock

log = logging.getLogger("problems")


class Problems:
    """Health is red while one of them is held by any process of the run."""

    def __init__(self, clock: Clock = CLOCK) -> None:
        self._clock = clock
        self._held: dict[tuple[ProblemKind, str], Problem] = {}
        self._begun = 0

    @property
    def held(self) -> tuple[Problem, ...]:
        """All that last now."""
        return tuple(self._held.values())

    def take_begun(self) -> int:
        """How many began since the last call."""
        begun, self._begun = self._begun, 0
        return begun

    def state(self, kind: ProblemKind, reasons: Mapping[str, str]) -> None:
        """All that is wrong now of this kind: reason by subject ("" where there is only one). Empty: nothing is."""
        for key in [key for key in self._held if key[0] == kind and key[1] not in reasons]:
            ended = self._held.pop(key)
            log.info("problem ended", extra={"problem": kind, "subject": ended.subject})
        for subject, reason in reasons.items():
            known = self._held.get((kind, subject))
            if known is None:
                since = utc_text(self._clock.wall_ns())
                self._held[kind, subject] = Problem(kind, reason, since, subject)
                self._begun += 1
                log.warning("problem", extra={"problem": kind, "subject": subject, "reason": reason})
            elif known.reason != reason:
                self._held[kind, subject] = msgspec.structs.replace(known, reason=reason)
