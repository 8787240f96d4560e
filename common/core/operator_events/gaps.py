"""Which of the gaps that readers declare are gaps of the recording: with two legs, those that neither covered."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from common.core.rows.origin import leg_in_name

Row = Mapping[str, Any]
HARMLESS = frozenset({"no_active_tokens", "all_subscribed_assets_resolved"})  # there was nothing to record


class GapWatch:
    """Follows the newest gaps of each reader; those of the first look are known already."""

    def __init__(self) -> None:
        self._seen: frozenset[tuple[str, str, str, str]] | None = None

    def fresh(self, by_reader: Mapping[str, Sequence[Row]], *, legs: int) -> list[Row]:
        """The gaps that came since the look before, and that no other leg covered."""
        keys = {_key(reader, row): (reader, row) for reader, rows in by_reader.items() for row in rows}
        seen, self._seen = self._seen, frozenset(keys)
        if seen is None:
            return []
        new = [(reader, row) for key, (reader, row) in keys.items() if key not in seen]
        return [
            row
            for reader, row in new
            if row["cause"] not in HARMLESS and (legs < 2 or _is_in(row, _of_others(by_reader, reader)))
        ]


def _key(reader: str, row: Row) -> tuple[str, str, str, str]:
    return (reader, row["declared_at_utc"], row["cause"], row["from_utc"])


def _of_others(by_reader: Mapping[str, Sequence[Row]], reader: str) -> Iterable[Row]:
    mine = leg_in_name(reader)
    return (row for name, rows in by_reader.items() if leg_in_name(name) != mine for row in rows)


def _is_in(row: Row, others: Iterable[Row]) -> bool:
    """Whether another leg had a gap at the same time, of the same tokens as far as both name them."""
    return any(
        row["from_utc"] < other["to_utc"] and other["from_utc"] < row["to_utc"] and _share_tokens(row, other)
        for other in others
    )


def _share_tokens(row: Row, other: Row) -> bool:
    mine, theirs = row.get("token_ids"), other.get("token_ids")
    return mine is None or theirs is None or not set(mine).isdisjoint(theirs)
