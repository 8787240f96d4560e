"""What the ledgers of a data root say of each market: messages, coverage, condition."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from common.archive.ledger import read_ledger, stored_ledgers
from common.core.ledger.document import Condition, FeedLedger, TokenHour, worst
from common.core.rows.names import WS_RAW


class BookFacts(msgspec.Struct, frozen=True):
    """A market over all hours of a data root, as WindowFacts has it."""

    messages: int
    coverage: float
    condition: Condition


class Books:
    """The ledgers of a data root, added up for each market."""

    def __init__(self, root: Path) -> None:
        self._tokens: dict[str, dict[str, list[TokenHour]]] = {}
        for path in stored_ledgers(root, WS_RAW).values():
            try:
                ledger = read_ledger(path)
            except (OSError, msgspec.DecodeError):
                continue  # `bin/verify-archives` says what is wrong with it
            for token in ledger.tokens if isinstance(ledger, FeedLedger) else ():
                self._tokens.setdefault(token.market_slug, {}).setdefault(token.token_id, []).append(token)

    def by_slug(self) -> Mapping[str, BookFacts]:
        """What they say of each market."""
        return {slug: _added_up(tokens) for slug, tokens in self._tokens.items()}


def _added_up(tokens: Mapping[str, list[TokenHour]]) -> BookFacts:
    hours = [hour for each in tokens.values() for hour in each]
    recorded_s = sum(hour.connected_seconds for hour in hours)
    wanted_s = recorded_s + sum(hour.gap_seconds + hour.unaccounted_seconds for hour in hours)
    return BookFacts(
        messages=max(sum(hour.messages for hour in each) for each in tokens.values()),
        coverage=round(recorded_s / wanted_s, 6) if wanted_s else 0.0,
        condition=worst(hour.condition for hour in hours),
    )
