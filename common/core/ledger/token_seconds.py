"""How much should have been recorded and was, in seconds of tokens: what the goal of a recording is stated in."""

from collections.abc import Mapping

from common.core.counters import CounterName
from common.core.instants import parse_utc_ns
from common.core.ledger.document import AnyLedger, CheckpointLedger

TOKENS_OF_A_MARKET = 2
NS_PER_MS = 1_000_000


def counted_token_time(ledger: AnyLedger) -> Mapping[CounterName, int]:
    """What a ledger adds to the counters of the run; one of REST adds nothing.

    With two legs a token's seconds are those of the union, so the sums mean the same with one leg and with two. A
    window that was open and not recorded counts with its market's two tokens.
    """
    if isinstance(ledger, CheckpointLedger):
        return {}
    recorded_s = sum(token.connected_seconds for token in ledger.tokens)
    missed_s = sum(token.gap_seconds + token.unaccounted_seconds for token in ledger.tokens)
    left_out_ns = sum(
        max(0, parse_utc_ns(each.to_utc) - parse_utc_ns(each.from_utc)) for each in ledger.not_recorded
    )
    recorded_ms = round(recorded_s * 1000)
    missed_ms = round(missed_s * 1000) + TOKENS_OF_A_MARKET * left_out_ns // NS_PER_MS
    return {
        "token_milliseconds_expected_total": recorded_ms + missed_ms,
        "token_milliseconds_recorded_total": recorded_ms,
    }
