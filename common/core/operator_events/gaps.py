"""Which of the gaps that readers declare are gaps of the recording: with two legs, those that neither covered."""

from collections.abc import Iterable, Mapping, Sequence

from common.core.rows.gap import Gap
from common.core.rows.origin import leg_in_name

HARMLESS = frozenset({"no_active_tokens", "all_subscribed_assets_resolved"})  # there was nothing to record


class GapWatch:
    """Follows the newest gaps of each reader; those of the first look are known already."""

    def __init__(self) -> None:
        self._seen: frozenset[tuple[str, str, str, str]] | None = None

    def fresh(self, by_reader: Mapping[str, Sequence[Gap]], *, legs: int) -> list[Gap]:
        """The gaps that came since the look before, and that no other leg covered."""
        keys = {_key(reader, gap): (reader, gap) for reader, gaps in by_reader.items() for gap in gaps}
        seen, self._seen = self._seen, frozenset(keys)
        if seen is None:
            return []
        new = [(reader, gap) for key, (reader, gap) in keys.items() if key not in seen]
        return [
            gap
            for reader, gap in new
            if gap.cause not in HARMLESS and (legs < 2 or _is_in(gap, _of_others(by_reader, reader)))
        ]


def _key(reader: str, gap: Gap) -> tuple[str, str, str, str]:
    return (reader, gap.declared_at_utc, gap.cause, gap.from_utc)


def _of_others(by_reader: Mapping[str, Sequence[Gap]], reader: str) -> Iterable[Gap]:
    mine = leg_in_name(reader)
    return (gap for name, gaps in by_reader.items() if leg_in_name(name) != mine for gap in gaps)


def _is_in(gap: Gap, others: Iterable[Gap]) -> bool:
    """Whether another leg had a gap at the same time, of the same tokens as far as both name them."""
    return any(
        gap.from_utc < other.to_utc and other.from_utc < gap.to_utc and _share_tokens(gap, other)
        for other in others
    )


def _share_tokens(gap: Gap, other: Gap) -> bool:
    mine, theirs = gap.token_ids, other.token_ids
    return mine is None or theirs is None or not set(mine).isdisjoint(theirs)
