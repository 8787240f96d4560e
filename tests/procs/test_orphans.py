"""What a process does after the death of its supervisor, where the others cannot be asked but only be seen."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from common.archive.read import closed_archives, iterate_lines
from common.queue.lane_server import LaneServer
from common.queue.outbox import Outbox
from common.queue.outbox_files import Identity
from common.runtime.run.details import NOTHING
from common.runtime.run.facts import Facts, write_facts
from tests.procs.alone import Alone, alone, run_folder
from tests.waiting import wait_for

SETTINGS = {"manifest": {"http_port": 0}}


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with run_folder() as folder:
        yield folder


def beats_on(process: Alone, what: str) -> None:
    """Wait for two heartbeats more: one step at least lies between them."""
    first = process.facts
    second = wait_for(lambda: process.facts != first and process.facts, what=what)
    wait_for(lambda: process.facts != second, what=what)


def test_a_writer_that_is_asked_to_end_drains_a_producer_that_it_had_not_seen_yet(
    run_dir: Path, tmp_path: Path
) -> None:
    folder = run_dir / "producers" / "rest_checkpointer"
    identity, hidden = folder / "identity.json", folder / "hidden"
    outbox = Outbox(folder, Identity("late", "rest_checkpoints"), lanes=1, limit_bytes=2**20)
    identity.rename(hidden)
    row = b'{"record_type":"rest_checkpoint","session_id":"late-c1","received_at_ns":1}'
    assert outbox.append_row(row, received_at_ns=1, received_monotonic_ns=1)
    with zmq.Context() as context, alone("archive_writer", run_dir, tmp_path, SETTINGS) as writer:
        server = LaneServer(context, outbox)
        wait_for(lambda: writer.facts, what="the writer to run")
        writer.process.send_signal(signal.SIGTERM)
        beats_on(writer, "the writer to wait for the producer")
        hidden.rename(identity)

        def drained() -> bool:
            server.serve()
            return outbox.backlog == 0

        wait_for(drained, what="the writer to take what was left")
        server.close()
        outbox.close(finished=True)
        log = writer.process.communicate(timeout=120)[1]
    assert writer.process.returncode == 0, log
    assert [line for path in closed_archives(tmp_path) for line in iterate_lines(path)] == [row + b"\n"]


def test_the_last_manifest_does_not_wait_for_the_dead_that_nobody_reaps(
    run_dir: Path, tmp_path: Path
) -> None:
    with (
        subprocess.Popen([sys.executable, "-c", ""]) as unreaped,
        alone("manifest", run_dir, tmp_path, SETTINGS) as manifest,
    ):
        write_facts(run_dir, Facts("toy", unreaped.pid, 1, 1, {}, {}, NOTHING))
        wait_for(lambda: manifest.facts, what="the manifest to run")
        os.waitid(os.P_PID, unreaped.pid, os.WEXITED | os.WNOWAIT)
        manifest.process.send_signal(signal.SIGTERM)
        log = manifest.process.communicate(timeout=40)[1]  # below its own limit
    assert manifest.process.returncode == 0, log
