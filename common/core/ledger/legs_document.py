"""What a ledger of two legs says beside that of one: what each leg had, and what only one of them had."""

import msgspec


class TokenLegs(msgspec.Struct, frozen=True):
    """What two legs received of one token. README.md beside it explains each field."""

    a: int
    b: int
    both: int
    only_a: int
    only_b: int
    withheld_a: int
    withheld_b: int
    doubtful: int
    gap_seconds_a: float
    gap_seconds_b: float
    healed_seconds: float
    divergences_healed: int
    order_agreement: float
    skew_p50_ms: int | None
    skew_p99_ms: int | None


class FeedLegs(msgspec.Struct, frozen=True):
    """What two legs received of all tokens together. Seconds of tokens are added up, those of `healed_seconds` not."""

    healed_seconds: float
    token_seconds: float
    gap_token_seconds_a: float
    gap_token_seconds_b: float
    gap_token_seconds: float
    withheld_a: int
    withheld_b: int
    doubtful: int
    divergences_healed: int
