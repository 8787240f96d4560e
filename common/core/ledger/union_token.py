"""The entry of one token in the ledger of two legs: as good as the union of both, with what each of them had."""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UnsetType

from common.core.ledger.book_window import TokenChecks
from common.core.ledger.document import (
    GapTime,
    TokenHour,
    Window,
    left_open,
    runs_of,
    seconds,
)
from common.core.ledger.feed_document import gaps_told
from common.core.ledger.legs_document import FeedLegs, TokenLegs
from common.core.ledger.token_pairs import TokenPairs
from common.core.ledger.token_window import TokenAccount, condition_of
from common.core.merging.coverage import LegCoverage
from common.core.merging.messages import HORIZON_NS
from common.core.number_runs import Run, common, joined, without


class LegOfToken(msgspec.Struct, frozen=True):
    """What one leg knows of a token, with its own result; `account` is None where the leg never had it."""

    account: TokenAccount | None
    coverage: LegCoverage
    losses: Sequence[Run]

    @property
    def gaps(self) -> list[GapTime]:
        """Its declared gaps."""
        return [] if self.account is None else self.account.gaps

    @property
    def span(self) -> list[Run]:
        """The time that it should have recorded."""
        return [] if self.account is None else self.account.span

    @property
    def connected(self) -> list[Run]:
        """When it was subscribed in an open session."""
        return [] if self.account is None else self.account.connected

    def covered(self, token_id: str) -> list[Run]:
        """What it surely received, in the exchange's time."""
        of_token = [
            (gap.from_ns - HORIZON_NS, max(gap.from_ns, gap.to_ns)) for gap in self.gaps if gap.token_ids
        ]
        return self.coverage.covered(token_id, runs_of(self.gaps), [*self.losses, *of_token])


class Holes(msgspec.Struct, frozen=True):
    """What of the time that should have been recorded each leg does not cover, and what neither does."""

    span: list[Run]
    a: list[Run]
    b: list[Run]
    both: list[Run]
    healed: list[Run]


def holes_of(token_id: str, a: LegOfToken, b: LegOfToken, window: Window) -> Holes:
    """The time begins with the first opening book of a leg, or with a gap declared before it.

    A leg that never had the token in the window has nothing that could be healed.
    """
    in_gaps = joined([*runs_of(a.gaps), *runs_of(b.gaps)])
    began = [at for leg in (a, b) if (at := leg.coverage.began_ns(token_id)) is not None]
    before = [(0, min(began) - 1)] if began else []
    span = joined([*without([*a.span, *b.span], before), *in_gaps])
    span = common(span, [window.run])
    covered_a, covered_b = a.covered(token_id), b.covered(token_id)
    of_a, of_b = left_open(span, covered_a), left_open(span, covered_b)
    both = left_open(of_a, covered_b)
    missed = [*(of_a if a.account else ()), *(of_b if b.account else ())]
    return Holes(span, of_a, of_b, both, without(joined(missed), both))


def union_token(
    a: LegOfToken,
    b: LegOfToken,
    holes: Holes,
    checks: TokenChecks,
    pairs: TokenPairs,
    legs: TokenLegs,
) -> TokenHour:
    """What is missing is what neither leg covers; of what is counted for each leg alone, the better one stands."""
    found = [leg.account.result() for leg in (a, b) if leg.account is not None]
    first = found[0]
    connected = joined([*a.connected, *b.connected])
    accounted = [*connected, *runs_of(a.gaps), *runs_of(b.gaps)]
    unaccounted = left_open(holes.both, accounted)
    counted = without(connected, holes.both)
    books_missing = min(each.books_missing for each in found)
    waits = [each.first_book_seconds for each in found if each.first_book_seconds is not None]
    unusable = min(each.unusable_events for each in found)
    wrong_seconds = checks.wrong_ms / 1000
    return msgspec.structs.replace(
        first,
        condition=condition_of(
            counted,
            holes.both,
            is_degraded=bool(books_missing or checks.divergences or unusable),
            wrong_seconds=wrong_seconds,
        ),
        connected_seconds=seconds(counted),
        silent_seconds=min(each.silent_seconds for each in found),
        gap_seconds=round(seconds(holes.both) - seconds(unaccounted), 3),
        unaccounted_seconds=seconds(unaccounted),
        gaps=gaps_told([a.gaps, b.gaps]),
        messages=pairs.both + pairs.only_a + pairs.only_b,
        first_book_seconds=min(waits, default=None),
        books_missing=books_missing,
        checks_passed=checks.passed,
        size_only=checks.size_only,
        divergences=checks.divergences,
        not_checkable=checks.not_checkable,
        unusable_events=unusable,
        wrong_batches=checks.wrong_batches,
        wrong_seconds=wrong_seconds,
        legs=legs,
    )


def legs_of(pairs: TokenPairs, holes: Holes, *, order_agreement: float, divergences_healed: int) -> TokenLegs:
    """What each leg had."""
    return TokenLegs(
        a=pairs.both + pairs.only_a,
        b=pairs.both + pairs.only_b,
        both=pairs.both,
        only_a=pairs.only_a,
        only_b=pairs.only_b,
        withheld_a=pairs.withheld_a.messages,
        withheld_b=pairs.withheld_b.messages,
        doubtful=pairs.doubtful,
        gap_seconds_a=seconds(holes.a),
        gap_seconds_b=seconds(holes.b),
        healed_seconds=seconds(holes.healed),
        divergences_healed=divergences_healed,
        order_agreement=order_agreement,
        skew_p50_ms=pairs.skews.quantile_ms(0.5),
        skew_p99_ms=pairs.skews.quantile_ms(0.99),
    )


def gained(entries: Iterable[tuple[TokenHour, Holes]]) -> FeedLegs:
    """What two legs had of all tokens together, and what of it only one of them has."""
    found = list(entries)
    legs = [token.legs for token, _ in found if not isinstance(token.legs, UnsetType)]
    return FeedLegs(
        healed_seconds=seconds(joined(run for _, holes in found for run in holes.healed)),
        token_seconds=_summed(holes.span for _, holes in found),
        gap_token_seconds_a=_summed(holes.a for _, holes in found),
        gap_token_seconds_b=_summed(holes.b for _, holes in found),
        gap_token_seconds=_summed(holes.both for _, holes in found),
        withheld_a=sum(each.withheld_a for each in legs),
        withheld_b=sum(each.withheld_b for each in legs),
        doubtful=sum(each.doubtful for each in legs),
        divergences_healed=sum(each.divergences_healed for each in legs),
    )


def _summed(found: Iterable[Sequence[Run]]) -> float:
    return round(sum(seconds(runs) for runs in found), 3)
