"""What an operator is told of a run, and what is not worth telling."""

import msgspec

from common.core.causes import Cause
from common.core.operator_events.event import KEPT, Lasting, OperatorEvent, events_of
from common.core.operator_events.watch import EventWatch, Seen
from common.core.page.verdict import Level
from common.core.rows.gap import Gap

S = 1_000_000_000
BEGAN = 1_790_000_000 * S


class Run:
    """A run that is looked at once a second."""

    def __init__(self, before: tuple[OperatorEvent, ...] = (), at_s: int = 0) -> None:
        self.watch = EventWatch(run_id="r", host="h", exchange="live", before=before)
        self.at_s = at_s

    def look(
        self,
        seconds: int = 1,
        *,
        level: Level = "whole",
        lasting: dict[Lasting, str] | None = None,
        divergences: int = 0,
        gaps: dict[str, list[Gap]] | None = None,
        legs: int = 2,
    ) -> list[str]:
        """Look for so long; the events told meanwhile, `healed` with what is over."""
        before = len(self.watch.recent)
        for _ in range(seconds):
            self.at_s += 1
            now_ns = self.at_s * S
            self.watch.note(Seen(BEGAN + now_ns, now_ns, level, lasting or {}, divergences, gaps or {}, legs))
        told = list(self.watch.recent)[before:]
        return [f"healed {event.healed}" if event.healed else event.event for event in told]


def gap(cause: Cause, from_s: int, to_s: int, *, token_ids: tuple[str, ...] | None = None) -> Gap:
    from_utc, to_utc = f"2026-01-01T00:{from_s:02}:00Z", f"2026-01-01T00:{to_s:02}:00Z"
    return Gap(declared_at_utc=to_utc, cause=cause, from_utc=from_utc, to_utc=to_utc, token_ids=token_ids)


def test_a_dark_recorder_is_told_once_and_its_end_with_how_long_it_lasted() -> None:
    run = Run()
    assert run.look(5) == []
    assert run.look(600, level="dark", lasting={"dark": "no data"}) == ["dark"]
    assert run.look(600) == ["healed dark"]
    dark, healed = run.watch.recent
    assert (dark.id, dark.text, healed.id) == (1, "no data", 2)
    assert healed.lasted_seconds is not None
    assert 600 <= healed.lasted_seconds <= 640


def test_what_wavers_is_told_neither_as_begun_nor_as_over() -> None:
    run = Run()
    run.look(5)
    for _ in range(20):
        assert run.look(20, level="one_leg", lasting={"one_leg": "leg b is down"}) == []
        assert run.look(5) == []
    assert run.look(60, level="one_leg", lasting={"one_leg": "leg b is down"}) == ["one_leg"]
    for _ in range(20):
        assert run.look(20) == []
        assert run.look(5, level="one_leg", lasting={"one_leg": "leg b is down"}) == []
    assert run.look(60) == ["healed one_leg"]


def test_one_leg_is_not_healed_by_going_dark() -> None:
    run = Run()
    assert run.look(60, level="one_leg", lasting={"one_leg": "leg b is down"}) == ["one_leg"]
    assert run.look(300, level="dark", lasting={"dark": "no data"}) == ["dark"]
    assert run.look(300, level="one_leg", lasting={"one_leg": "leg b is down"}) == ["healed dark"]
    assert run.look(300) == ["healed one_leg"]


def test_nothing_is_told_of_a_recorder_that_starts_or_stops() -> None:
    run = Run()
    assert run.look(300, level="starting", lasting={"one_leg": "leg b is down"}) == []
    assert run.look(300, level="stopping", lasting={"problem": "the recorder is STOPPING"}) == []


def test_a_divergence_that_heals_between_two_looks_is_told_too() -> None:
    run = Run()
    run.look(5, divergences=7)
    assert run.look(1, divergences=8) == ["divergence"]
    assert run.look(60, divergences=8) == ["healed divergence"]


def test_gaps_are_told_together_at_most_once_a_minute() -> None:
    run = Run()
    rows = [gap("connection_lost", 1, 2)]
    run.look(5, gaps={"ws_reader-0": rows}, legs=1)
    assert list(run.watch.recent) == []
    told = []
    for minute in range(10, 40):
        rows.append(gap("stale_feed", minute, minute + 1))
        told += run.look(2, gaps={"ws_reader-0": list(rows)}, legs=1)
    told += run.look(60, gaps={"ws_reader-0": rows}, legs=1)
    assert told == ["gap", "gap"]
    assert [event.count for event in run.watch.recent] == [1, 29]
    assert run.watch.recent[-1].text == "messages may be missing: stale_feed (29)"


def test_with_two_legs_a_gap_is_one_only_where_the_other_leg_had_one_too() -> None:
    run = Run()
    a, b = "ws_reader-0a", "ws_reader-1b"
    run.look(1, gaps={a: [], b: []})
    one = {a: [gap("connection_lost", 1, 3)], b: []}
    assert run.look(1, gaps=one) == []
    assert run.look(1, gaps={**one, b: [gap("connection_lost", 4, 5)]}) == []
    assert run.look(1, gaps={**one, b: [gap("connection_lost", 2, 5)]}) == ["gap"]


def test_gaps_of_different_tokens_are_not_gaps_of_both_legs() -> None:
    run = Run()
    a, b = "ws_reader-0a", "ws_reader-0b"
    run.look(1, gaps={a: [], b: []})
    mine = [gap("diverged", 1, 3, token_ids=("1",))]
    assert run.look(1, gaps={a: mine, b: [gap("diverged", 1, 3, token_ids=("2",))]}) == []
    assert run.look(1, gaps={a: mine, b: [gap("diverged", 1, 4, token_ids=("1", "2"))]}) == ["gap"]


def test_nothing_to_record_is_not_a_gap() -> None:
    run = Run()
    run.look(1, gaps={"ws_reader-0": []}, legs=1)
    assert run.look(90, gaps={"ws_reader-0": [gap("no_active_tokens", 1, 3)]}, legs=1) == []


def test_a_process_that_was_started_again_goes_on_with_numbers_and_with_what_lasts() -> None:
    run = Run()
    assert run.look(60, level="dark", lasting={"dark": "no data"}) == ["dark"]
    kept = events_of(msgspec.to_builtins(list(run.watch.recent)))
    again = Run(kept, at_s=run.at_s)
    assert again.look(60, level="dark", lasting={"dark": "no data"}) == []
    assert again.look(60) == ["healed dark"]
    assert [event.id for event in again.watch.recent] == [1, 2]


def test_the_events_that_are_kept_are_bounded_and_damaged_ones_are_left_out() -> None:
    run = Run()
    for _ in range(KEPT):
        run.look(40, level="dark", lasting={"dark": "no data"})
        run.look(40)
    assert len(run.watch.recent) == KEPT
    assert run.watch.recent[-1].id == 2 * KEPT
    assert events_of([{"id": "x"}, msgspec.to_builtins(run.watch.recent[0])]) == (run.watch.recent[0],)
