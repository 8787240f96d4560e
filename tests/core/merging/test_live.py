"""Two legs as one stream, as they come."""

from common.core.merging.live import STALL_NS, LiveMerge, Shown
from common.core.merging.messages import HORIZON_NS
from common.core.rows.origin import Leg

S = 1_000_000_000
U = "0xc"


class Watching:
    """Names each message by its key; what was shown, with a mark behind it."""

    def __init__(self) -> None:
        self.merge: LiveMerge[str] = LiveMerge()
        self.shown: list[str] = []
        self.now_ns = 100 * S

    def _note(self, found: Shown[str]) -> None:
        self.shown.append(found.item + "!" * found.late + "?" * found.doubtful)

    def hear(self, leg: Leg, *keys: str, after_ns: int = S // 100) -> None:
        for key in keys:
            self.now_ns += after_ns
            for found in self.merge.take(leg, U, key.encode(), self.now_ns, key):
                self._note(found)

    def wait(self, seconds_ns: int) -> None:
        self.now_ns += seconds_ns
        for found in self.merge.tick(self.now_ns):
            self._note(found)

    def end(self, leg: Leg) -> None:
        for found in self.merge.ended(leg, lambda unit: unit == U):
            self._note(found)


def test_the_leader_is_shown_as_it_comes_and_the_other_leg_adds_nothing_to_it() -> None:
    seen = Watching()
    seen.hear("a", "1", "2")
    seen.hear("b", "1", "2", "3")
    seen.hear("a", "3", "4")
    seen.hear("b", "4")
    seen.wait(10 * S)
    assert seen.shown == ["1", "2", "3", "4"]


def test_where_the_leader_ends_the_other_leg_goes_on_behind_the_last_message_that_both_had() -> None:
    seen = Watching()
    seen.hear("a", "1", "2")
    seen.hear("b", "1", "2", "3")
    seen.end("a")
    seen.hear("b", "4")
    seen.hear("a", "4", "5")
    seen.hear("b", "5")
    assert seen.shown == ["1", "2", "3", "4", "5"]


def test_a_leader_that_stalls_loses_the_lead_and_may_come_back_as_the_other_leg() -> None:
    seen = Watching()
    seen.hear("a", "1")
    seen.hear("b", "1", "2", "3")
    assert seen.shown == ["1"]
    seen.wait(STALL_NS)
    seen.hear("b", "4")
    seen.hear("a", "2", "3", "4")
    seen.wait(10 * S)
    assert seen.shown == ["1", "2", "3", "4"]


def test_what_the_leader_was_never_sent_comes_late_and_is_marked() -> None:
    seen = Watching()
    seen.hear("b", "0")
    seen.end("b")
    seen.hear("a", "1", "3")
    seen.hear("b", "1", "2", "3")
    seen.hear("a", "4")
    seen.wait(STALL_NS)
    assert seen.shown == ["0", "1", "3", "4", "2!"]


def test_the_same_message_sent_twice_is_shown_twice_and_doubted() -> None:
    seen = Watching()
    seen.hear("a", "1", "1")
    seen.hear("b", "1", "1")
    assert seen.shown == ["1", "1?"]
    seen.hear("a", "2", after_ns=2 * HORIZON_NS)
    seen.hear("a", "1")
    assert seen.shown[2:] == ["2", "1"], "much later it is another one"
