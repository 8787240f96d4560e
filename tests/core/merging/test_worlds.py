"""S6: outside of what is doubtful and of what nobody received, nothing is lost, doubled or out of order."""

import pytest

from tests.core.merging.worlds import Faults, Verdict, judge

ALL = Faults(cuts_a_minute=8, backlog_s=6, silent_drops=0.002)
SEEDS = range(3)


def judged(faults: Faults, *, rate: float = 40, error_s: float = 0) -> Verdict:
    verdict = Verdict()
    for seed in SEEDS:
        verdict.add(judge(seed, faults, seconds=1200 // int(rate), rate=rate, error_s=error_s))
    return verdict


@pytest.mark.unmeasured(here=True)
@pytest.mark.parametrize(
    ("faults", "rate", "error_s"),
    [
        (Faults(), 40, 0),
        (Faults(cuts_a_minute=8), 40, 0),
        (Faults(silent_drops=0.002), 40, 0),
        (Faults(backlog_s=6), 40, 0),
        (ALL, 40, 0),
        (ALL, 300, 0),
        (Faults(8, silent_drops=0.002, backlog_s=6, clock_offset_s=0.04), 40, 0.05),
        (Faults(8, silent_drops=0.002, backlog_s=6, clock_offset_s=-0.4), 40, 0.5),
    ],
    ids=["nothing", "cuts", "drops", "backlogs", "all", "all-busy", "40-ms-apart", "400-ms-apart"],
)
def test_the_union_has_everything_once_in_the_order_sent(faults: Faults, rate: float, error_s: float) -> None:
    verdict = judged(faults, rate=rate, error_s=error_s)
    assert (verdict.lost, verdict.doubled, verdict.out_of_order) == (0, 0, 0), verdict
    assert verdict.pairs > verdict.received / 5, "a union of nothing proves nothing"
    assert verdict.doubtful < verdict.received / 1000


def test_faults_alone_make_the_union_necessary() -> None:
    verdict = judged(ALL)
    assert verdict.received > 1.2 * verdict.pairs
    assert verdict.received < verdict.sent
