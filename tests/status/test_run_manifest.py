import os
from typing import Any

import msgspec
from msgspec.structs import replace

from common.config import Settings
from common.core.counters import COUNTERS
from common.core.feed.session_history import SessionShown
from common.core.problems import Problem
from common.core.rows.gap import Gap
from common.core.run_state import ReaderState
from common.runtime.process import Assignment
from common.runtime.run.facts import Facts
from common.status.compose import RECENT, compose
from common.status.run_manifest import RunManifest
from tests.stated import OUTBOX, READER, REFERENCE, facts, process, session, supervisor

ASSIGNMENT = msgspec.convert(
    {
        "run_id": "r1",
        "mode": "runtime",
        "started_at_ns": 10**18,
        "readers": 1,
        "data_root": "d",
        "run_dir": "r",
        "settings": {},
    },
    Assignment,
)


def reader(name: str, state: ReaderState = "receiving", **more: Any) -> Facts:  # noqa: ANN401 - any field
    details = replace(READER, state=state, **more)
    return facts(name, details, counters={"ws_messages_total": 5}, event_types={"book": 2})


def composed(*given: Facts, finished: bool = False) -> RunManifest:
    return compose(
        ASSIGNMENT, {fact.name: fact for fact in given}, markets=(), now_ns=2 * 10**18, finished=finished
    )


def test_a_run_of_which_nobody_has_spoken_yet_is_starting_and_has_every_counter() -> None:
    manifest = composed()
    assert manifest.state == "STARTING"
    assert manifest.counters == dict.fromkeys(COUNTERS, 0)
    assert manifest.last_successful_ws_message_at_utc is None
    assert manifest.started_at_utc == "2001-09-09T01:46:40.000000Z"
    assert manifest.updated_at_utc == "2033-05-18T03:33:20.000000Z"
    assert manifest.config_sha256 == Settings().sha256()
    assert manifest.service == "orderbooks-ws-recorder"


def test_counters_and_event_types_of_all_processes_are_added_up() -> None:
    manifest = composed(
        reader("ws_reader-0"), reader("ws_reader-1"), facts("x", counters={"a_counter_of_its_own": 1})
    )
    assert manifest.counters["ws_messages_total"] == 10
    assert manifest.counters["a_counter_of_its_own"] == 1
    assert manifest.event_types == {"book": 4}


def test_the_newest_market_data_of_any_reader_counts() -> None:
    manifest = composed(
        reader("ws_reader-0", last_market_data_at_ns=10**18),
        reader("ws_reader-1", last_market_data_at_ns=0),
        reader("ws_reader-2"),
    )
    assert manifest.last_successful_ws_message_at_utc == "2001-09-09T01:46:40.000000Z"


def test_the_state_follows_readers_and_supervisor_until_the_run_is_over() -> None:
    running = facts("supervisor", supervisor())
    assert composed(running, reader("ws_reader-0")).state == "RUNNING_RECEIVING"
    assert composed(running, reader("ws_reader-0", "reconnecting")).state == "RUNNING_RECONNECTING"
    stopping = facts("supervisor", supervisor(state="stopping"))
    assert composed(stopping, reader("ws_reader-0")).state == "STOPPING"
    assert composed(stopping, finished=True).state == "STOPPED"


def test_processes_have_their_figures_and_those_that_ended_have_none() -> None:
    me, gone = os.getpid(), 2**22 + 1
    listed = supervisor(process("a", me, restarts=1), process("b", None), process("c", gone))
    mine, stopped, ended = composed(facts("supervisor", listed)).processes
    assert (mine.rss_bytes or 0) > 1_000_000
    assert (mine.cpu_seconds or 0) > 0
    assert mine.restarts == 1
    assert stopped.rss_bytes is stopped.cpu_seconds is ended.rss_bytes is None


def test_lists_are_gathered_from_all_and_hold_only_the_latest() -> None:
    def sessions(first: int) -> tuple[SessionShown, ...]:
        return tuple(session(f"2026-01-01T00:00:{n:02d}Z") for n in range(first, 60, 2))

    manifest = composed(
        reader("ws_reader-0", recent_sessions=sessions(0)),
        reader("ws_reader-1", recent_sessions=sessions(1)),
    )
    opened = [shown.opened_at_utc for shown in manifest.recent_sessions]
    assert opened == sorted(opened)
    assert len(opened) == RECENT
    assert opened[-1] == "2026-01-01T00:00:59Z"
    assert manifest.queue == {"ws_reader-0": OUTBOX, "ws_reader-1": OUTBOX}


def test_reference_prices_are_stated_by_themselves_and_have_no_part_in_the_health_of_books() -> None:
    gap = Gap(cause="stale_feed", from_utc="2026-01-01T00:00:00Z", to_utc="2026-01-01T00:01:00Z")
    problem = Problem("spool_not_kept", "no room", "2026-01-01T00:00:00Z", "reference-rtds")
    details = replace(REFERENCE, gaps=(gap,), silent_since_ns=10**18, last_error="away")
    prices = replace(facts("reference-rtds", details), problems=(problem,))
    given = supervisor(process("ws_reader-0", 7), process("reference-rtds", 8))
    manifest = composed(reader("ws_reader-0"), prices, facts("supervisor", given))
    [stated] = manifest.reference
    assert (stated.source, stated.coins, stated.last_error) == ("rtds", ("btc",), "away")
    assert (stated.silent_since_utc, stated.gaps) == ("2001-09-09T01:46:40.000000Z", (gap,))
    assert stated.trouble == ("no room",)
    assert (manifest.state, manifest.gaps, manifest.problems) == ("RUNNING_RECEIVING", [], ())
    assert "reference-rtds" in manifest.queue
