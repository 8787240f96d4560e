"""What the embedded exchange says of the ends of its windows, by Gamma's objects and the data API's rows."""

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Literal

from common.core.instants import utc_text
from common.simulation.faults.catalogue import Fault
from common.simulation.markets.listing import Listing

Teller = Literal["gamma", "data"]
MOST_CONDITIONS = 20  # of one question
WHOLE_SHARE = 1_000_000
_NS = 1_000_000_000


class QuestionError(Exception):
    """The data API refuses a question; the text is what it answers."""


class Resolutions:
    """The `resolution` faults that are on: who says what of which window, and when."""

    def __init__(self) -> None:
        self._faults: tuple[Fault, ...] = ()

    def set(self, faults: Iterable[Fault]) -> None:
        """Take those among the faults that are about resolutions."""
        self._faults = tuple(fault for fault in faults if fault.name == "resolution")

    def told(self, teller: Teller, listing: Listing, winner: int, now_s: float) -> int | None:
        """The index of the outcome that wins as this side says it now; None while it says nothing of it."""
        kinds = {fault.kind: fault for fault in self._faults if fault.slug in ("", listing.slug)}
        late = kinds.get("late")
        known_from_s = listing.closed + (late.delay_seconds if late else 0)
        if "never" in kinds or now_s < known_from_s:
            return None
        corrected = kinds.get("corrected")
        wrong = "forged" in kinds or ("disagree" in kinds and teller == "data")
        if corrected is not None and now_s < known_from_s + corrected.delay_seconds:
            wrong = not wrong
        return 1 - winner if wrong else winner


def conditions_asked(text: str) -> list[str]:
    """The conditions of a question to the data API. Raises QuestionError for a question that it refuses."""
    asked = [each for each in text.split(",") if each]
    if not asked or len(asked) > MOST_CONDITIONS:
        raise QuestionError(f"condition must name 1 to {MOST_CONDITIONS} conditions")
    for each in asked:
        digits = each.removeprefix("0x")
        if len(each) != 66 or len(digits) != 64 or not digits.isalnum():
            raise QuestionError(f"invalid condition id: {each}")
    return asked


def rows_of(
    asked: Iterable[str], listings: Mapping[str, Listing], told: Callable[[Listing], int | None]
) -> list[dict[str, object]]:
    """The rows of an answer: a condition that is not resolved, or not known, has none."""
    found = [(listing, told(listing)) for each in asked if (listing := listings.get(each)) is not None]
    return [_row(listing, winner) for listing, winner in found if winner is not None]


def _row(listing: Listing, winner: int) -> dict[str, object]:
    payouts = [0, 0]
    payouts[winner] = WHOLE_SHARE
    return {
        "condition_id": listing.condition_id,
        "status": "resolved",
        "reporter": "CHAINLINK" if listing.window else "UMA_OO",
        "payouts": payouts,
        "resolved_at": utc_text(int(listing.closed) * _NS)[:19] + "Z",
        "transaction_hash": f"0x{sha256(listing.question_id.encode()).hexdigest()}",
    }
