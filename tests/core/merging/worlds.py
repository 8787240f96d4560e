"""Generated worlds: what an exchange sent, what two faulty legs received of it, and what their union ought to be."""

from bisect import bisect_left
from collections import Counter
from random import Random

import msgspec

from common.core.merging.messages import HORIZON_NS, LegMessage
from common.core.merging.unit import merge_unit

MS = 1_000_000
SECOND = 1_000 * MS
START_NS = 1_800_000_000 * SECOND


class Faults(msgspec.Struct, frozen=True):
    """What is wrong with both legs. Times are seconds, shares are of messages."""

    cuts_a_minute: float = 0
    outage_s: float = 2.5
    silent_drops: float = 0
    backlog_s: float = 0
    clock_offset_s: float = 0  # of leg b


class Emission(msgspec.Struct, frozen=True):
    """One message as it was sent: its place in the order of sending, and its text."""

    number: int
    sent_ns: int
    exchange_ms: int
    kind: str
    text: bytes


def emissions(chance: Random, seconds: int, rate: float) -> list[Emission]:
    """One market: changes in batches and floods, repeated and swapped, trades sent twice and late, announcements."""
    sent: list[tuple[int, int, str, bytes]] = []
    now = START_NS
    serial = stamp = 0
    while now < START_NS + seconds * SECOND:
        in_flood = (now // SECOND) % 30 == 7
        now += int(chance.expovariate(rate * (6 if in_flood else 1)) * SECOND)
        stamp = max(stamp, now // MS - chance.randrange(1, 9))
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            serial += 1
            sent.append((now, stamp, "price_change", b'{"price_changes":[%d,0],"t":"%d"}' % (serial, stamp)))
        if chance.random() < 0.08:
            repeat = b'{"price_changes":[%d,0],"t":"%d"}' % (serial, stamp)
            swapped = b'{"price_changes":[0,%d],"t":"%d"}' % (serial, stamp)
            text = swapped if chance.random() < 0.4 else repeat
            sent.append((now + chance.randrange(120) * MS, stamp, "price_change", text))
        if chance.random() < 0.05:
            old = stamp - chance.choice((0, 0, 300, 4000))
            trade = b'{"trade":%d,"t":"%d"}' % (serial // 3, old)
            sent.append((now, old, "last_trade_price", trade))
            if chance.random() < 0.3:
                sent.append((now + chance.randrange(900) * MS, old, "last_trade_price", trade))
        if chance.random() < 0.01:
            announced = b'{"announced":%d}' % chance.randrange(3)
            sent += [(now + n * 200 * MS, 0, "announcement", announced) for n in range(3)]
    sent.sort(key=lambda each: each[0])
    return [Emission(number, *each) for number, each in enumerate(sent)]


def leg(sent: list[Emission], faults: Faults, chance: Random, *, offset_ns: int = 0) -> list[LegMessage[int]]:
    """What one leg received: in the order of sending, each message within the session that it was sent to."""
    received: list[LegMessage[int]] = []
    opened_ns = last_ns = START_NS - SECOND
    ends_ns = _next_cut(START_NS, faults, chance)
    late_from_ns = late_ns = 0
    for emission in sent:
        if emission.sent_ns >= ends_ns:
            opened_ns = ends_ns + int(chance.uniform(0.3, 2 * faults.outage_s - 0.3) * SECOND)
            ends_ns = _next_cut(opened_ns, faults, chance)
            late_ns = 0
        if emission.sent_ns < opened_ns + 5 * MS or chance.random() < faults.silent_drops:
            continue
        if faults.backlog_s and chance.random() < 0.001:
            late_from_ns, late_ns = emission.sent_ns, int(chance.uniform(0.5, faults.backlog_s) * SECOND)
        drained_ns = max(0, late_ns - (emission.sent_ns - late_from_ns) // 2)
        jitter_ns = int(chance.uniform(2, 40) * MS)
        last_ns = max(last_ns, opened_ns, emission.sent_ns + drained_ns + jitter_ns)
        if last_ns < ends_ns:
            received.append(_heard(emission, last_ns + offset_ns, opened_ns + offset_ns))
    return received


def _next_cut(after_ns: int, faults: Faults, chance: Random) -> int:
    if not faults.cuts_a_minute:
        return after_ns + 10**9 * SECOND
    return after_ns + int(max(1.0, chance.expovariate(faults.cuts_a_minute / 60)) * SECOND)


def _heard(emission: Emission, received_ns: int, opened_ns: int) -> LegMessage[int]:
    return LegMessage(
        received_ns, opened_ns, emission.exchange_ms, emission.kind, emission.text, emission.number
    )


class Verdict(msgspec.Struct):
    """What came of a world. `undecidable` are texts of which each leg got an emission that the other did not get."""

    sent: int = 0
    received: int = 0
    pairs: int = 0
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    doubtful: int = 0
    undecidable: int = 0

    def add(self, other: "Verdict") -> None:
        """Sum up."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def judge(seed: int, faults: Faults, *, seconds: int = 60, rate: float = 40, error_s: float = 0) -> Verdict:
    """Make a world, merge its legs, and compare the union with what was sent."""
    chance = Random(seed)
    sent = emissions(chance, seconds, rate)
    a = leg(sent, faults, chance)
    b = leg(sent, faults, chance, offset_ns=int(faults.clock_offset_s * SECOND))
    merged = list(merge_unit(a, b, clock_error_ns=int(error_s * SECOND)))
    got_a, got_b = {message.reference for message in a}, {message.reference for message in b}
    by_text: dict[bytes, list[Emission]] = {}
    for emission in sent:
        if emission.number in got_a or emission.number in got_b:
            by_text.setdefault(emission.text, []).append(emission)
    undecidable = {text for text, all_ in by_text.items() if _undecidable(all_, got_a, got_b)}
    doubted = {sent[_number(m.a, m.b)].text for m in merged if m.doubtful}
    verdict = Verdict(
        sent=len(sent),
        received=len(got_a | got_b),
        pairs=sum(m.a is not None and m.b is not None for m in merged),
        doubtful=sum(m.doubtful for m in merged),
        undecidable=len(undecidable),
    )
    texts = [sent[_number(m.a, m.b)].text for m in merged]
    for text, count in Counter(texts).items():
        if text not in undecidable | doubted:
            verdict.doubled += max(0, count - len(by_text[text]))
            verdict.lost += max(0, len(by_text[text]) - count)
    verdict.lost += len(by_text.keys() - set(texts))
    numbers = [
        by_text[text].pop(0).number for text in texts if text not in undecidable | doubted and by_text[text]
    ]
    verdict.out_of_order = len(numbers) - _longest_rising(numbers)
    return verdict


def _number(a: int | None, b: int | None) -> int:
    number = b if a is None else a
    assert number is not None
    return number


def _undecidable(alike: list[Emission], got_a: set[int], got_b: set[int]) -> bool:
    only_a = [each for each in alike if each.number not in got_b]
    only_b = [each for each in alike if each.number not in got_a]
    return any(abs(x.sent_ns - y.sent_ns) <= 2 * HORIZON_NS for x in only_a for y in only_b)


def _longest_rising(numbers: list[int]) -> int:
    ends: list[int] = []
    for number in numbers:
        place = bisect_left(ends, number)
        ends[place : place + 1] = [number]
    return len(ends)
