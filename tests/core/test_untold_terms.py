"""A tick size that changed without a word, and trades at finer prices, are no divergence; a lost change still is."""

import pytest

from tests.core.hash_follower import Follower
from tests.core.hash_world import World


def verdicts(follower: Follower) -> set[str]:
    return {result.verdict for result in follower.results if result.check == "hash"}


@pytest.mark.parametrize("tick_size", ["0.001", "0.005", "0.0001"])
def test_a_lost_tick_size_change_is_no_divergence(tick_size: str) -> None:
    world = World()
    follower = Follower(world)
    follower.open()
    follower.go_on(2)
    world.tick_size = tick_size
    follower.go_on(6)
    assert verdicts(follower) == {"agree"}


def test_an_untold_trade_at_a_price_of_four_decimals_is_no_divergence() -> None:
    world = World(tick_size="0.0001")
    follower = Follower(world)
    follower.open()
    follower.go_on(2)
    world.trade = "0.4137"
    follower.go_on(3)
    assert verdicts(follower) == {"agree"}


def test_a_change_that_is_lost_with_the_tick_size_still_diverges() -> None:
    world = World()
    follower = Follower(world)
    follower.open()
    follower.go_on(2)
    world.tick_size = "0.001"
    follower.lose(world)
    follower.go_on(8)
    assert "divergence" in verdicts(follower)
