"""Cases that break one of two legs, or both, or either of two hosts, and hold the union to what was sent."""

import json
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from common.archive.verify.data_root import verify_data_root
from common.config import DiscoverySettings
from common.drill.bench import START_LIMIT_S, Bench, bench
from common.drill.judge import told
from common.drill.outcome import Evidence, Inconclusive, Plan
from common.drill.union import judge_union
from common.drill.witness import Witness, witness
from common.polymarket.gamma.discovery_file import discovery_path, read_discovery_file

TWO_LEGS = ("ws_reader-0a", "ws_reader-0b")
QUICK = {"RECORDER__WEBSOCKET__STALE_FEED_THRESHOLD_SECONDS": "5"}  # a frozen leg is noticed within seconds
WITHHELD_EVERY = 50

Breaks = Callable[[Bench, Witness, float], str]  # until a monotonic second; returns what was done, as text


def cut_one_leg(plan: Plan, folder: Path) -> Evidence:
    """Leg b is cut again and again."""
    return _on_two_legs(plan, folder, _cut_newest)


def freeze_one_leg(plan: Plan, folder: Path) -> Evidence:
    """Leg b gets nothing but PONG until it is replaced, then again."""
    return _on_two_legs(plan, folder, _freeze_newest)


def withhold_on_one_leg(plan: Plan, folder: Path) -> Evidence:
    """Leg b silently misses each so many messages."""
    return _on_two_legs(plan, folder, _withhold_from_newest)


def cut_both_at_random(plan: Plan, folder: Path) -> Evidence:
    """Either leg is cut at any moment, both at times."""
    return _on_two_legs(plan, folder, _cut_any)


def _on_two_legs(plan: Plan, folder: Path, breaks: Breaks) -> Evidence:
    with bench(plan, folder) as made:
        made.environment = {"RECORDER__WEBSOCKET__LEGS": "2", **QUICK}
        made.readers = TWO_LEGS
        made.start()
        with witness(made.exchange.urls, _recorded_tokens([made])) as seen:
            made.rest(1.5)
            made.done.append(breaks(made, seen, time.monotonic() + plan.duration_s))
            made.exchange.fault("clear")
            made.wait_for(made.receiving, "both legs to receive again", START_LIMIT_S)
            made.rest(2.5)
        return _judged([made], seen)


def two_hosts(plan: Plan, folder: Path) -> Evidence:
    """Two recorders that know nothing of each other, each cut at any moment."""
    (folder / "second").mkdir()
    with bench(plan, folder) as first:
        second = Bench(folder / "second", first.exchange, plan)
        hosts = [first, second]
        try:
            for made, name in zip(hosts, ("host-1", "host-2"), strict=True):
                made.environment = {"RECORDER__HOST": name, **QUICK}
                made.start()
            with witness(first.exchange.urls, _recorded_tokens(hosts)) as seen:
                first.rest(1.5)
                first.done.append(_cut_any(first, seen, time.monotonic() + plan.duration_s))
                for made in hosts:
                    made.wait_for(made.receiving, "both hosts to receive again", START_LIMIT_S)
                first.rest(2.5)
            return _judged(hosts, seen)
        finally:
            second.close()


def _judged(hosts: Sequence[Bench], seen: Witness) -> Evidence:
    done, wrongs = hosts[0].done, [wrong for made in hosts for wrong in made.stop()]
    found, counts, words = judge_union(
        [made.data_root for made in hosts], seen.sent(hosts[0].folder / "oracle")
    )
    for made in hosts:
        verification = verify_data_root(made.data_root, partial=False, progress=lambda _rows: None)
        wrongs += [f"{finding.where}: {finding.words}" for finding in verification.findings]
    if not found and not wrongs and counts.archived <= counts.received / 2:
        raise Inconclusive("the second leg has brought nothing that the first one had not")
    return Evidence([*done, *words], told([*wrongs, *found]), counts)


def _recorded_tokens(hosts: Sequence[Bench]) -> list[str]:
    """The tokens that all of them record."""
    shares = []
    for made in hosts:
        found = read_discovery_file(discovery_path(made.data_root, DiscoverySettings()), "simulated")
        shares.append({token.token_id for market in found.markets for token in market.tokens})
    return sorted(set.intersection(*shares))


def _connections(made: Bench, seen: Witness) -> list[int]:
    """The numbers of the recorder's open connections, the oldest first."""
    url = f"{made.exchange.urls.clob_url}/simulation/status"
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own exchange, on loopback
        listed = json.load(answer)["connections"]
    return sorted(each["number"] for each in listed if each["tokens"] and each["number"] != seen.number)


def _newest(made: Bench, seen: Witness) -> int:
    """The connection of the leg that is broken: the other leg's is the oldest, as it is never broken."""
    return made.wait_for(
        lambda: max(_connections(made, seen)[1:], default=0), "a connection of leg b", START_LIMIT_S
    )


def _cut_newest(made: Bench, seen: Witness, until_s: float) -> str:
    cuts = 0
    while time.monotonic() < until_s:
        made.exchange.fault("cut", connection=_newest(made, seen), mid_frame=made.chance.random() < 0.5)
        cuts += 1
        made.rest(made.chance.uniform(0.3, 2.0))
    return f"leg b was cut {cuts} times"


def _freeze_newest(made: Bench, seen: Witness, until_s: float) -> str:
    freezes = 0
    while time.monotonic() < until_s:
        frozen = _newest(made, seen)
        made.exchange.fault("freeze", connection=frozen)
        freezes += 1
        made.wait_for(lambda: frozen not in _connections(made, seen), "leg b to be replaced", START_LIMIT_S)  # noqa: B023 - called at once
    return f"leg b was frozen {freezes} times, and replaced by the recorder"


def _withhold_from_newest(made: Bench, seen: Witness, until_s: float) -> str:
    withheld: set[int] = set()
    while time.monotonic() < until_s:
        newest = _newest(made, seen)
        if newest not in withheld:
            made.exchange.fault("withhold", connection=newest, every=WITHHELD_EVERY)
            withheld.add(newest)
        made.rest(0.2)
    return f"1 of {WITHHELD_EVERY} messages was withheld from leg b"


def _cut_any(made: Bench, seen: Witness, until_s: float) -> str:
    cuts = 0
    while time.monotonic() < until_s:
        for number in _connections(made, seen):
            if made.chance.random() < 0.5:
                made.exchange.fault("cut", connection=number)
                cuts += 1
        made.rest(made.chance.uniform(0.2, 2.0))
    return f"the connections were cut {cuts} times, both at once at times"
