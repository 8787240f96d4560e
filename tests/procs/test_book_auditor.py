import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from common.archive.read import closed_archives, iterate_lines
from common.archive.verify.data_root import verify_data_root
from common.core.audit.books_shown import NO_BOOKS
from common.core.audit.pacing import CREDIT_NS
from common.core.recipes.account import ProofShown
from common.runtime.clock import CLOCK, Clock
from common.runtime.process import Assignment, Runtime
from common.runtime.run.details import AuditorDetails
from common.runtime.run.facts import Tally, write_facts
from common.runtime.run.orders import Orders, write_orders
from procs.book_auditor import HEARD_AT_ONCE, BookAuditor
from tests.core.audit.test_checks import TOKEN
from tests.procs.alone import alone, run_folder
from tests.procs.diverging import Diverging
from tests.queue.producing import Producing
from tests.stated import AUDITOR, facts
from tests.waiting import wait_for

PRICE_CHANGE = b'{"market":"0x1","price_changes":[],"timestamp":"1","event_type":"price_change"}'


@pytest.fixture
def producing(short_folder: Path) -> Iterator[Producing]:
    producer = Producing(short_folder, lanes=1)
    yield producer
    producer.close()


def auditor(folder: Path, clock: Clock) -> tuple[BookAuditor, Tally]:
    write_orders(folder, Orders(writers=1, readers=1))
    document = {"run_id": "r", "mode": "runtime", "started_at_ns": 1, "settings": {}}
    document |= {"data_root": str(folder), "run_dir": str(folder)}
    tally = Tally(None)
    return BookAuditor(Runtime("book_auditor", 0, msgspec.convert(document, Assignment), tally, clock)), tally


def test_a_restarted_auditor_goes_on_with_the_recipes_that_its_predecessor_found(short_folder: Path) -> None:
    found = ProofShown(
        recipe="found",
        keys=("market", "bids", "asks", "nonce"),
        found_by="search",
        since_utc="1970-01-01T00:00:00.005000Z",
        since_ms=5,
        books_agreed=3,
        changes_agreed=9,
        trusted=True,
    )
    details = replace(AUDITOR, books=replace(NO_BOOKS, recipes={"v3": (found,)}))
    (short_folder / "facts").mkdir()
    write_facts(short_folder, facts("book_auditor", details))
    following, _ = auditor(short_folder, CLOCK)
    assert following.details().books.recipes == {"v3": (found,)}
    following.close()


def test_of_a_burst_that_costs_too_much_the_rest_is_let_go_and_counted(
    producing: Producing, short_folder: Path
) -> None:
    looks, cost_ns = [0], [0]

    def processor_ns() -> int:
        looks.append(looks[-1] + cost_ns[0])
        return looks[-1]

    clock = Clock(monotonic_ns=lambda: producing.now_ns, processor_ns=processor_ns)
    following, tally = auditor(short_folder, clock)

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


def test_a_divergence_that_was_found_is_in_an_archive_also_when_the_auditor_is_killed_right_after(
    tmp_path: Path,
) -> None:
    with run_folder() as run_dir:
        feed = Diverging(run_dir)
        with alone("book_auditor", run_dir, tmp_path, {}) as killed:

            def has_a_book() -> bool:
                feed.whole_book()
                feed.look()
                details = killed.details(AuditorDetails)
                return details is not None and details.books.tokens > 0

            holes = 0

            def has_diverged() -> bool:
                nonlocal holes
                feed.look()
                if (missed := killed.counter("audit_holes_total")) > holes:  # it is slow: lose another one
                    holes = missed
                    feed.whole_book()
                    feed.lose_a_change()
                return killed.counter("divergences_total") > 0

            wait_for(has_a_book, what="the auditor to have a book")
            feed.lose_a_change()
            wait_for(has_diverged, what="the auditor to find the divergence")
            details = killed.details(AuditorDetails)
            killed.kill()
        feed.producing.close()
        assert details is not None
        assert (details.wishes[0].action, details.wishes[0].diverged) == ("resubscribe", True)
        with (
            alone("archive_writer", run_dir, tmp_path, {}, name="archive_writer-0") as writer,
            alone("book_auditor", run_dir, tmp_path, {}) as successor,
        ):
            writer.wait_for_counter("rows_written_total", 1)
            assert successor.stop() == 0
            assert writer.stop() == 0
        assert not (run_dir / "producers" / "book_auditor").exists()
    [path] = closed_archives(tmp_path)
    rows = [json.loads(line) for line in iterate_lines(path)]
    assert {(row["record_type"], row["session_id"]) for row in rows} == {("divergence", "s")}
    assert {row["producer"].partition("-")[0] for row in rows} == {"book_auditor"}
    assert [row["divergence"]["number"] for row in rows] == [*range(1, len(rows) + 1)]
    found = verify_data_root(tmp_path, partial=False, progress=lambda _: None)
    assert found.findings == ()
    assert {each.token_id for each in found.divergences} == {TOKEN}
