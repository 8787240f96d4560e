"""How much of what should have been recorded was, in seconds of tokens."""

import msgspec

from common.core.counters import COUNTERS
from common.core.ledger.document import FeedLedger, NotRecorded, TokenHour, Window
from common.core.ledger.feed_document import Sources, feed_ledger
from common.core.ledger.feed_window import FeedHour
from common.core.ledger.token_seconds import counted_token_time

WINDOW = Window(0, 3600 * 1_000_000_000)
ZEROS = {
    name: 0
    for name in TokenHour.__struct_fields__
    if TokenHour.__annotations__[name] in {int, float, "float", "int"}
}


def token(connected: float, gap: float = 0.0, unaccounted: float = 0.0) -> TokenHour:
    return msgspec.convert(
        {
            **ZEROS,
            "token_id": "1",
            "market_slug": "m",
            "outcome": "Up",
            "condition": "gap",
            "gaps": (),
            "first_book_seconds": None,
            "connected_seconds": connected,
            "gap_seconds": gap,
            "unaccounted_seconds": unaccounted,
        },
        TokenHour,
    )


def ledger(*tokens: TokenHour, not_recorded: tuple[NotRecorded, ...] = ()) -> FeedLedger:
    bare = feed_ledger(WINDOW, [FeedHour(WINDOW)], (), Sources((), ()))
    return msgspec.structs.replace(bare, tokens=tokens, not_recorded=not_recorded)


def counted(document: FeedLedger) -> tuple[int, int]:
    counters = counted_token_time(document)
    return (
        counters["token_milliseconds_expected_total"],
        counters["token_milliseconds_recorded_total"],
    )


def test_gaps_and_what_nothing_accounts_for_were_expected_and_not_recorded() -> None:
    assert counted(ledger(token(3600.0), token(3500.0, gap=60.25, unaccounted=39.75))) == (
        7_200_000,
        7_100_000,
    )


def test_a_window_that_was_left_out_counts_with_its_two_tokens() -> None:
    left_out = NotRecorded("m", "1970-01-01T00:00:00.000000Z", "1970-01-01T00:05:00.000000Z", "why")
    assert counted(ledger(token(10.0), not_recorded=(left_out,))) == (610_000, 10_000)


def test_an_hour_in_which_no_recorder_ran_counts_nothing() -> None:
    assert counted(ledger()) == (0, 0)


def test_both_counters_are_there_from_the_start() -> None:
    assert set(counted_token_time(ledger())) <= set(COUNTERS)
