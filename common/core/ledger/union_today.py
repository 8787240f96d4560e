"""What a second leg gained on one day, as the ledgers of that day state it: a few numbers for an observer of a run."""

from collections.abc import Mapping

import msgspec
from msgspec import UnsetType

from common.core.counters import CounterName
from common.core.ledger.document import AnyLedger, CheckpointLedger
from common.core.ledger.legs_document import FeedLegs


class UnionToday(msgspec.Struct, frozen=True):
    """The sums of the ledgers of two legs whose windows began on one day (UTC), all zero before the first of them."""

    date_utc: str = ""
    windows: int = 0
    healed_seconds: float = 0.0
    gap_token_seconds: float = 0.0
    withheld_a: int = 0
    withheld_b: int = 0
    doubtful: int = 0
    divergences_healed: int = 0

    def plus(self, ledger: AnyLedger) -> "UnionToday":
        """With one more ledger, the sums beginning again with a new day; one without legs adds nothing."""
        legs = legs_of(ledger)
        if legs is None:
            return self
        date_utc = ledger.from_utc[:10]
        before = self if date_utc == self.date_utc else UnionToday(date_utc)
        return UnionToday(
            date_utc=date_utc,
            windows=before.windows + 1,
            healed_seconds=round(before.healed_seconds + legs.healed_seconds, 3),
            gap_token_seconds=round(before.gap_token_seconds + legs.gap_token_seconds, 3),
            withheld_a=before.withheld_a + legs.withheld_a,
            withheld_b=before.withheld_b + legs.withheld_b,
            doubtful=before.doubtful + legs.doubtful,
            divergences_healed=before.divergences_healed + legs.divergences_healed,
        )


def legs_of(ledger: AnyLedger) -> FeedLegs | None:
    """What a ledger states of two legs, None where there are not two."""
    if isinstance(ledger, CheckpointLedger) or isinstance(ledger.legs, UnsetType):
        return None
    return ledger.legs


def counted(legs: FeedLegs) -> Mapping[CounterName, int]:
    """What a ledger adds to the counters of the run."""
    return {
        "legs_healed_milliseconds_total": round(legs.healed_seconds * 1000),
        "legs_gap_token_milliseconds_total": round(legs.gap_token_seconds * 1000),
        "legs_withheld_messages_total": legs.withheld_a + legs.withheld_b,
        "legs_doubtful_messages_total": legs.doubtful,
    }
