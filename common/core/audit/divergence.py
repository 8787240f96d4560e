"""A divergence as its row in the archive, the run manifest and verify-archives show it."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from common.core.audit.results import Check, LevelsFrom, Result, Verdict
from common.core.instants import utc_text
from common.core.rows.origin import Leg

OtherLeg = Literal["agrees", "diverged", "unknown"]
AUDITOR = "book_auditor"  # the process that finds them, with which the name of its producer begins
LEVELS_SHOWN = 50
LEVELS_NAMED = 3
MISSING = (
    "divergences"  # in a gap row of the auditor: no messages are, and ledgers check the books themselves
)


class Divergence(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a `divergence` row, which are part of the archive's contract.

    `number` counts the divergences of one producer, from 1. `session_id` is the reader's session that the book is of.
    Of `differing_levels` levels up to 50 are in `levels`, each with its side, its price and both sizes; `levels_from`
    says what showed the exchange's book. When it is found only some checks know them: the archives show the others.
    `leg` is the reader's, `other_leg` how the book of the other leg does, None where there is none.
    """

    number: int = 0
    found_at_utc: str = ""
    session_id: str = ""
    token_id: str
    check: Check
    verdict: Verdict = "divergence"
    why: str = ""
    exchange_timestamp_ms: int
    checkpoint_sequence: int | None = None
    levels_from: LevelsFrom = "nothing"
    differing_levels: int = 0
    levels: tuple[dict[str, str], ...] = ()
    leg: Leg | None = None
    other_leg: OtherLeg | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells divergences apart, no matter what found them."""
        return self.token_id, self.check, self.exchange_timestamp_ms

    def with_levels_of(self, other: "Divergence") -> "Divergence":
        """The same with the levels that another finding of it shows."""
        return msgspec.structs.replace(
            self, levels_from=other.levels_from, differing_levels=other.differing_levels, levels=other.levels
        )


def levels_words(levels: Sequence[Mapping[str, str]], count: int) -> str:
    """Up to three of `count` differing levels, as a message."""
    named = [
        f"{level['side']} {level['price']}: {level['rebuilt']} rebuilt, {level['exchange']} at the exchange"
        for level in levels[:LEVELS_NAMED]
    ]
    more = [f"{count - len(named)} more levels"] if count > len(named) else []
    return "; ".join([*named, *more]) or "no level is known to differ"


def divergence_of(session_id: str, result: Result, *, found_ns: int = 0) -> Divergence:
    """What a check found at a wall time, 0 where that is not known."""
    return Divergence(
        session_id=session_id,
        token_id=result.token_id,
        check=result.check,
        exchange_timestamp_ms=result.timestamp_ms,
        why=result.reason,
        found_at_utc=utc_text(found_ns) if found_ns else "",
        verdict=result.verdict,
        checkpoint_sequence=result.checkpoint_sequence,
        levels_from=result.levels_from,
        differing_levels=len(result.levels),
        levels=tuple(level._asdict() for level in result.levels[:LEVELS_SHOWN]),
    )
