from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from common.core.audit.pacing import CREDIT_NS
from common.runtime.clock import CLOCK, Clock
from common.runtime.facts import Facts, Tally, write_facts
from common.runtime.process import Assignment, Runtime
from procs.book_auditor import HEARD_AT_ONCE, BookAuditor
from tests.queue.producing import Producing
from tests.waiting import wait_for

PRICE_CHANGE = b'{"market":"0x1","price_changes":[],"timestamp":"1","event_type":"price_change"}'


@pytest.fixture
def producing(tmp_path: Path) -> Iterator[Producing]:
    producer = Producing(tmp_path, lanes=1)
    yield producer
    producer.close()


def auditor(folder: Path, clock: Clock) -> tuple[BookAuditor, Tally]:
    document = {"run_id": "r", "mode": "runtime", "started_at_ns": 1, "settings": {}}
    document |= {"data_root": str(folder), "run_dir": str(folder)}
    tally = Tally(None)
    return BookAuditor(Runtime("book_auditor", 0, msgspec.convert(document, Assignment), tally, clock)), tally


def test_a_restarted_auditor_goes_on_with_the_recipes_that_its_predecessor_found(tmp_path: Path) -> None:
    found = {
        "recipe": "found",
        "keys": ["market", "bids", "asks", "nonce"],
        "found_by": "search",
        "since_utc": "1970-01-01T00:00:00.005000Z",
        "since_ms": 5,
        "books_agreed": 3,
        "changes_agreed": 9,
        "trusted": True,
    }
    details = {"books": {"recipes": {"v3": [found]}}}
    (tmp_path / "facts").mkdir()
    write_facts(tmp_path, Facts("book_auditor", 1, 1, 1, {}, {}, details))
    following, _ = auditor(tmp_path, CLOCK)
    assert following.details()["books"]["recipes"] == {"v3": [found]}
    following.close()


def test_of_a_burst_that_costs_too_much_the_rest_is_let_go_and_counted(
    producing: Producing, tmp_path: Path
) -> None:
    looks, cost_ns = [0], [0]

    def processor_ns() -> int:
        looks.append(looks[-1] + cost_ns[0])
        return looks[-1]

    clock = Clock(monotonic_ns=lambda: producing.now_ns, processor_ns=processor_ns)
    following, tally = auditor(tmp_path, clock)

    def looked() -> bool:
        before = len(looks)
        following.step(0.05)
        return len(looks) > before

    def joined() -> bool:
        producing.append(1, PRICE_CHANGE)
        producing.look()
        return looked()

    wait_for(joined, what="the auditor to hear a message")
    while looked():
        pass
    assert tally.counters["audit_skips_total"] == 0
    cost_ns[0] = 2 * CREDIT_NS
    producing.append(5 * HEARD_AT_ONCE, PRICE_CHANGE)
    producing.look()
    wait_for(looked, what="the auditor to hear the burst")
    assert tally.counters["audit_skips_total"] == 1
    assert tally.counters["audit_holes_total"] == 4 * HEARD_AT_ONCE
    following.close()
