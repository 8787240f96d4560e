import random

from common.core.backoff import Backoff
from common.core.feed.token_split import readers_needed, split_tokens
from common.core.market import Market, Token, all_tokens


def test_waits_double_up_to_the_longest_and_begin_again_after_a_reset() -> None:
    backoff = Backoff(first_s=1, longest_s=8, chance=random.Random(1).random)
    steps = [1, 2, 4, 8, 8, 8]
    waits = [backoff.next_wait_s() for _ in steps]
    assert all(step / 2 <= wait <= step for step, wait in zip(steps, waits, strict=True))
    backoff.reset()
    assert backoff.next_wait_s() <= 1


def test_waits_stay_finite_after_very_many_failures() -> None:
    backoff = Backoff(first_s=1, longest_s=30, chance=random.Random(1).random)
    assert max(backoff.next_wait_s() for _ in range(5000)) <= 30


def markets(count: int) -> list[Market]:
    return [
        Market(
            f"m-{number}",
            f"0x{number}",
            "s",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:05:00Z",
            tuple(
                Token(f"m-{number}", f"0x{number}", f"{number}{outcome}", outcome, "2026-01-01T00:05:00Z")
                for outcome in ("Up", "Down")
            ),
        )
        for number in range(count)
    ]


def test_every_token_has_one_reader_within_the_bound() -> None:
    wanted = markets(30)
    assert readers_needed(wanted, at_least=1, max_tokens=20) == 3
    shares = split_tokens(wanted, readers=3, max_tokens=20)
    assert all(len(share) <= 20 for share in shares)
    assert sorted(token.token_id for share in shares for token in share) == sorted(
        token.token_id for token in all_tokens(wanted)
    )


def test_tokens_stay_with_their_reader_when_other_markets_come() -> None:
    before = split_tokens(markets(20), readers=4, max_tokens=200)
    after = split_tokens(markets(25), readers=4, max_tokens=200)
    assert all(set(share) <= set(grown) for share, grown in zip(before, after, strict=True))


def test_more_tokens_than_all_readers_may_hold_are_recorded_all_the_same() -> None:
    shares = split_tokens(markets(10), readers=2, max_tokens=4)
    assert sum(map(len, shares)) == 20
