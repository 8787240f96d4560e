import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from common.runtime.run.details import NOTHING
from common.runtime.run.facts import last_facts, note_failure, write_facts
from common.runtime.run.run_dir import STATUS_FILE
from common.status.seen_from_outside import read_status
from procs.manifest import Manifest
from tests.stated import OUTBOX, READER, WRITER, facts
from tests.status.test_health_http import Run, S, telling
from tests.waiting import wait_for


def say_waiting(run: Run, oldest_s: float, *, count: int = 7) -> None:
    outbox = replace(OUTBOX, lanes={0: count}, oldest_seconds={0: oldest_s})
    run.say("ws_reader-0", replace(READER, last_market_data_at_ns=time.time_ns(), outbox=outbox))


def test_health_is_red_while_received_rows_do_not_become_durable_and_green_again_by_itself(
    tmp_path: Path,
) -> None:
    with telling(tmp_path) as run:
        run.say_supervisor()
        run.later_ns += 31 * S
        run.say("archive_writer-0", WRITER)
        note_failure(run.run_dir, "archive_writer-0", "lane 0: a commit failed: EROFS", time.time_ns())
        say_waiting(run, 45.0)
        answer = run.get("/healthz")
        assert answer.status_code == 503
        assert "archive_writer-0 failed: lane 0: a commit failed: EROFS" in answer.json()["reason"]
        assert run.metrics()["orderbooks_queue_oldest_seconds"] == {("0", "ws_reader-0"): 45.0}
        assert run.metrics()["orderbooks_problems"][("rows_not_durable",)] == 1
        assert run.get("/status.json").json()["problems"][0]["kind"] == "rows_not_durable"
        run.say_supervisor()
        say_waiting(run, 0.4)
        assert run.get("/healthz").status_code == 200


def test_rows_wait_on_although_their_producer_says_nothing_any_more(tmp_path: Path) -> None:
    with telling(tmp_path) as run:
        run.say_supervisor()
        say_waiting(run, 1.0)
        run.later_ns += 31 * S
        say_waiting(run, 20.0)
        run.later_ns += 11 * S
        assert "the oldest for 0:3" in run.get("/healthz").json()["reason"]


def test_what_an_earlier_run_left_is_not_late_before_this_one_could_archive_it(tmp_path: Path) -> None:
    with telling(tmp_path) as run:
        run.say_supervisor()
        say_waiting(run, 86_400.0)
        assert run.get("/healthz").status_code == 200
        run.later_ns += 31 * S
        assert run.get("/healthz").status_code == 503


def test_a_lane_in_which_nothing_waits_is_never_late(tmp_path: Path) -> None:
    with telling(tmp_path) as run:
        run.say_supervisor()
        say_waiting(run, 0.0, count=0)
        run.later_ns += 31 * S
        run.say_supervisor()
        say_waiting(run, 0.0, count=0)
        run.later_ns += 25 * S
        assert run.get("/healthz").status_code == 200


def test_a_failure_stands_in_the_facts_that_were_there_and_in_those_of_a_process_that_never_spoke(
    tmp_path: Path,
) -> None:
    (tmp_path / "facts").mkdir()
    before = facts("archive_writer-0", WRITER, counters={"a": 2})
    write_facts(tmp_path, before)
    note_failure(tmp_path, "archive_writer-0", "no space", 9)
    note_failure(tmp_path, "new", "no right", 9)
    said = last_facts(tmp_path, "archive_writer-0")
    assert said == replace(before, failure="no space", failed_at_ns=9)
    silent = last_facts(tmp_path, "new")
    assert silent is not None
    assert (silent.failure, silent.details) == ("no right", NOTHING)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_where_the_data_root_cannot_be_written_the_status_is_kept_beside_the_sockets(tmp_path: Path) -> None:
    check_status_beside(tmp_path, lambda root: root.chmod(0o500))


def test_where_the_manifests_have_no_place_the_status_is_kept_beside_the_sockets(tmp_path: Path) -> None:
    check_status_beside(tmp_path, lambda root: (root / "manifests").write_bytes(b"not a folder"))


def check_status_beside(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    run = Run(tmp_path, 0)
    root = run.runtime.data_root
    root.mkdir()
    spoil(root)
    run.say_supervisor()
    manifest = Manifest(run.runtime)
    try:
        wait_for(lambda: manifest.step(0) and (run.run_dir / STATUS_FILE).exists(), what="a status")
        first = msgspec.json.decode((run.run_dir / STATUS_FILE).read_bytes())
        shown = read_status(root, run.run_dir)
        assert shown.manifest["updated_at_utc"] >= first["updated_at_utc"]
        assert "cannot be written" in shown.liveness.words
        run.later_ns += 10 * S

        def newer() -> bool:
            manifest.step(0)
            now = json.loads((run.run_dir / STATUS_FILE).read_bytes())
            return bool(now["updated_at_utc"] > first["updated_at_utc"])

        wait_for(newer, what="a newer status")
    finally:
        manifest.close()
        root.chmod(0o700)
