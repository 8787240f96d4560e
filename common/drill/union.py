"""The proof for two legs: their union against all that the exchange sent."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from common.archive.legs import MergedRows
from common.archive.replay import read_archive
from common.core.instants import parse_utc_ns
from common.core.merging.equality import canonical
from common.core.merging.payloads import NO_MARKET, contents_of
from common.core.rows.reading import Row
from common.core.rows.websocket import GAP
from common.drill.outcome import Counts, Inconclusive

EDGE_MS = 1000  # at either end of what the witness heard: what was sent there may have come to one and not to another
LATE_MS = 3000  # after a gap's end until the new subscription is in force, on a busy machine
_CLOCK_ERROR_MS = 5  # of two recorders on one machine, which has one clock

Span = tuple[int, int]  # in milliseconds since 1970
Key = tuple[str, bytes]  # the market, and the message by its meaning


class Union(msgspec.Struct):
    """What was counted: messages of the union by which leg has them, and the spans in which each leg declares gaps."""

    both: int = 0
    only: Counter[str] = msgspec.field(default_factory=Counter)
    doubtful: int = 0
    out_of_order: int = 0
    keys: Counter[Key] = msgspec.field(default_factory=Counter)
    of_leg: dict[str, Counter[Key]] = msgspec.field(default_factory=lambda: defaultdict(Counter))
    gaps: dict[str, list[Span]] = msgspec.field(default_factory=lambda: defaultdict(list))

    @property
    def gained(self) -> int:
        """Messages that the union has and the better of both legs has not."""
        return min(self.only.values()) if len(self.only) > 1 else 0


def judge_union(data_roots: Sequence[Path], sent: Iterable[bytes]) -> tuple[list[str], Counts, list[str]]:
    """What is wrong with the union of the legs in these data roots, the counts, and what it gained, as text."""
    truth = list(_keys(sent))
    if not truth:
        raise Inconclusive("the witness heard nothing")
    first_ms, last_ms = min(ms for _, ms in truth) + EDGE_MS, max(ms for _, ms in truth) - EDGE_MS
    wanted = [(key, ms) for key, ms in truth if first_ms <= ms <= last_ms]
    union = _union(data_roots, first_ms, last_ms, [key for key, _ in wanted])
    expected = Counter(key for key, _ in wanted)
    received = {key: max(leg[key] for leg in union.of_leg.values()) for key in expected}
    lost = sum(max(0, min(received[key], count) - union.keys[key]) for key, count in expected.items())
    doubled = sum(max(0, count - expected[key]) for key, count in union.keys.items())
    nobody = [(key, ms) for key, ms in wanted if not received[key]]
    undeclared = [ms for _, ms in nobody if not _declared(ms, union.gaps, len(union.of_leg))]
    wrongs = [
        f"{count} messages {words}"
        for count, words in (
            (lost, "that a leg has are not in the union"),
            (doubled, "more in the union than were sent"),
            (union.out_of_order, "of the union in another order than they were sent"),
            (len(undeclared), "that no leg received lie outside the gaps that both declare"),
        )
        if count
    ]
    archived = sum(union.keys.values())
    counts = Counts(len(wanted), sum(sum(leg.values()) for leg in union.of_leg.values()), archived)
    counts = msgspec.structs.replace(counts, unconfirmed=len(nobody), lost=lost, twice=doubled)
    alone = ", ".join(f"{count:,} on {leg} alone" for leg, count in sorted(union.only.items()))
    words = f"the union: {union.both:,} messages on both, {alone or 'none on one alone'}, {union.doubtful} doubtful"
    return wrongs, counts, [words]


def _keys(payloads: Iterable[bytes]) -> Iterator[tuple[Key, int]]:
    """Each message that is of one market and not an opening book, with its exchange's time."""
    for payload in payloads:
        contents = contents_of(payload)
        if len(contents) == 1 and contents[0].unit != NO_MARKET and not contents[0].opening:
            yield (contents[0].unit, canonical(payload)), contents[0].exchange_ms


def _union(data_roots: Sequence[Path], first_ms: int, last_ms: int, order: Sequence[Key]) -> Union:
    rows = read_archive(data_roots, clock_error_ms=_CLOCK_ERROR_MS if len(data_roots) > 1 else None)
    if not isinstance(rows, MergedRows):
        raise Inconclusive("only one leg recorded")
    known, union = frozenset(order), Union()
    places = {key: at for at, key in enumerate(order)} if known else {}
    once = {key for key, count in Counter(order).items() if count == 1}
    markets = {market for market, _ in known}
    reached: dict[str, int] = {}
    for entry in rows.entries:
        if entry.row.record_type == GAP:
            _note_gap(union, entry.row)
        for key, ms in () if entry.opening else _keys([entry.row.payload_json]):
            if not first_ms <= ms <= last_ms or key[0] not in markets:
                continue
            names = [_leg(copy.row) for copy in entry.copies]
            union.keys[key] += 1
            union.doubtful += entry.doubtful
            union.both += len(names) > 1
            if len(names) == 1:
                union.only[names[0]] += 1
            for name in names:
                union.of_leg[name][key] += 1
            if key in once:
                union.out_of_order += places[key] < reached.get(key[0], 0)
                reached[key[0]] = max(places[key], reached.get(key[0], 0))
    return union


def _leg(row: Row) -> str:
    """The leg, and where hosts are merged the host."""
    return f"{row.host}/{row.leg}" if row.host else f"{row.leg}"


def _note_gap(union: Union, row: Row) -> None:
    since, until = row.detail["from_utc"], row.detail["to_utc"]
    union.gaps[_leg(row)].append((parse_utc_ns(since) // 1_000_000, parse_utc_ns(until) // 1_000_000))


def _declared(ms: int, gaps: Mapping[str, Sequence[Span]], legs: int) -> bool:
    inside = [
        leg
        for leg, spans in gaps.items()
        if any(since - EDGE_MS <= ms <= until + LATE_MS for since, until in spans)
    ]
    return len(inside) >= max(legs, 2)
