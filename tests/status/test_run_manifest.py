import os
from typing import Any

import msgspec

from common.config import Settings
from common.core.counters import COUNTERS
from common.runtime.process import Assignment
from common.runtime.run.facts import Facts
from common.status.run_manifest import RECENT, RunManifest, compose

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


def facts(name: str, counters: dict[str, int] | None = None, **details: Any) -> Facts:  # noqa: ANN401 - any shape
    return Facts(name, os.getpid(), 1, 1, counters or {}, {"book": 2}, details)


def reader(name: str, state: str = "receiving", **details: Any) -> Facts:  # noqa: ANN401 - any shape
    return facts(name, {"ws_messages_total": 5}, state=state, **details)


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
    manifest = composed(reader("ws_reader-0"), reader("ws_reader-1"), facts("x", {"a_counter_of_its_own": 1}))
    assert manifest.counters["ws_messages_total"] == 10
    assert manifest.counters["a_counter_of_its_own"] == 1
    assert manifest.event_types == {"book": 6}


def test_the_newest_market_data_of_any_reader_counts() -> None:
    manifest = composed(
        reader("ws_reader-0", last_market_data_at_ns=10**18),
        reader("ws_reader-1", last_market_data_at_ns=0),
        reader("ws_reader-2"),
    )
    assert manifest.last_successful_ws_message_at_utc == "2001-09-09T01:46:40.000000Z"


def test_the_state_follows_readers_and_supervisor_until_the_run_is_over() -> None:
    running = facts("supervisor", state="running", processes=[])
    assert composed(running, reader("ws_reader-0")).state == "RUNNING_RECEIVING"
    assert composed(running, reader("ws_reader-0", "reconnecting")).state == "RUNNING_RECONNECTING"
    stopping = facts("supervisor", state="stopping", processes=[])
    assert composed(stopping, reader("ws_reader-0")).state == "STOPPING"
    assert composed(stopping, finished=True).state == "STOPPED"


def test_processes_have_their_figures_and_those_that_ended_have_none() -> None:
    me, gone = os.getpid(), 2**22 + 1
    told = [
        {"name": "a", "pid": me, "restarts": 1},
        {"name": "b", "pid": None, "restarts": 0},
        {"name": "c", "pid": gone, "restarts": 0},
    ]
    mine, stopped, ended = composed(facts("supervisor", state="running", processes=told)).processes
    assert mine["rss_bytes"] > 1_000_000
    assert mine["cpu_seconds"] > 0
    assert mine["restarts"] == 1
    assert stopped["rss_bytes"] is stopped["cpu_seconds"] is ended["rss_bytes"] is None


def test_lists_are_gathered_from_all_and_hold_only_the_latest() -> None:
    def sessions(first: int) -> list[dict[str, str]]:
        return [{"opened_at_utc": f"2026-01-01T00:00:{n:02d}Z"} for n in range(first, 60, 2)]

    manifest = composed(
        reader("ws_reader-0", recent_sessions=sessions(0), outbox={"spool_bytes": 1}),
        reader("ws_reader-1", recent_sessions=sessions(1)),
    )
    opened = [session["opened_at_utc"] for session in manifest.recent_sessions]
    assert opened == sorted(opened)
    assert len(opened) == RECENT
    assert opened[-1] == "2026-01-01T00:00:59Z"
    assert manifest.queue == {"ws_reader-0": {"spool_bytes": 1}}
