"""Which lane the next messages go to: in turn, by blocks, past lanes that are too far behind."""

from collections.abc import Mapping

from common.core.batch import MOST_TOGETHER
from common.queue.lane import Lane

LANE_BLOCK = 64  # consecutive messages that go to one lane before the next lane's turn


class Turns:
    """Over the first `active` lanes; the others only drain."""

    def __init__(self, lanes: Mapping[int, Lane], active: int) -> None:
        self._lanes = lanes
        self.active = active
        self.lane = 0
        self._left = LANE_BLOCK

    def set_active(self, count: int) -> None:
        """From now on the first `count` lanes take turns."""
        self.active = count
        self.lane %= count

    def room(self) -> int:
        """How many messages the lane whose turn it is may take; at least one."""
        if self.active == 1:
            return MOST_TOGETHER
        if self._left == 0:
            self._left = LANE_BLOCK
            self.lane = self._least_behind()
        return self._left

    def took(self, count: int) -> None:
        """So many messages went to the lane whose turn it is."""
        self._left = max(0, self._left - count)

    def _least_behind(self) -> int:
        following = (self.lane + 1) % self.active
        backlogs = [self._lanes[index].backlog for index in range(self.active)]
        if backlogs[following] <= min(backlogs) + 4 * LANE_BLOCK:
            return following
        return backlogs.index(min(backlogs))
