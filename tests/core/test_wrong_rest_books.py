"""A wrong book of REST is found on a busy market too, and is told from a wrong book of ours."""

from tests.core.hash_follower import Follower
from tests.core.hash_world import World

BUSY_MS = 100


def followed(*, fine: bool = False) -> tuple[World, Follower]:
    world = World(tick_size="0.001" if fine else "0.01")
    follower = Follower(world)
    follower.open()
    follower.go_on(5, step_ms=BUSY_MS)
    return world, follower


def checkpoints(follower: Follower) -> list[str]:
    return [result.verdict for result in follower.results if result.check == "checkpoint"]


def wrong_checkpoint(world: World, follower: Follower) -> None:
    """REST shows a level that the book never had, with a hash that fits."""
    sizes = dict(world.bids)
    world.bids["0.42"] = "9999"
    follower.checkpoint()
    world.bids = sizes


def test_a_wrong_rest_book_on_a_busy_market_is_rests_fault() -> None:
    world, follower = followed()
    wrong_checkpoint(world, follower)
    follower.go_on(60, step_ms=BUSY_MS)
    assert checkpoints(follower).count("rest_wrong") == 1
    assert {result.verdict for result in follower.results} <= {"agree", "agree_late", "rest_wrong"}


def test_a_wrong_rest_book_on_a_quiet_market_accuses_no_book_of_ours() -> None:
    world, follower = followed()
    wrong_checkpoint(world, follower)
    world.now_ms += 10_000
    follower.go_on(3, step_ms=5_000)
    assert "rest_wrong" in checkpoints(follower)
    assert "divergence" not in {result.verdict for result in follower.results}


def test_a_rest_book_after_a_trade_that_was_not_announced_is_right() -> None:
    world, follower = followed()
    world.trade = "0.417"
    follower.checkpoint()
    world.trade = "0.430"
    follower.go_on(60, step_ms=BUSY_MS)
    assert "rest_wrong" not in checkpoints(follower)


def test_a_lost_change_is_found_by_a_checkpoint_as_before() -> None:
    world, follower = followed()
    follower.lose(world)
    follower.checkpoint()
    follower.go_on(30, step_ms=BUSY_MS)
    found = [result.verdict for result in follower.results]
    assert "divergence" in found or "healed" in found
    assert "rest_wrong" not in found
