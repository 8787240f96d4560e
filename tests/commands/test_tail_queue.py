import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.archive.read import closed_archives, iterate_lines
from tests.commands.terminal import on_terminal
from tests.end_to_end.running import (
    ROOT,
    frames_sent,
    oracle_findings,
    run_command,
    started_command,
)
from tests.waiting import wait_for

pytestmark = pytest.mark.unmeasured
FAST = ("--simulated-rate", "500", "--simulated-oracle", "oracle")


@contextmanager
def recording(folder: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """A recorder that receives."""
    with started_command(
        "run_recorder",
        *("--exchange", "simulated", "--data-root", "d", *options),
        folder=folder,
        environment={
            "RECORDER__MANIFEST__WRITE_INTERVAL_SECONDS": "0.1",
            "RECORDER__REST_CHECKPOINT__INTERVAL_SECONDS": "1",
        },
    ) as process:
        manifest = folder / "d/manifests/polymarket_ws_recorder_latest.json"
        wait_for(
            lambda: manifest.exists() and json.loads(manifest.read_bytes())["state"] == "RUNNING_RECEIVING",
            what=lambda: (
                f"the recorder to receive: {manifest.read_text() if manifest.exists() else 'no manifest'}"
            ),
        )
        yield process


@contextmanager
def tailing(folder: Path, name: str, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A tail that writes to the files `<name>.out` and `<name>.err`."""
    command = [sys.executable, "-P", "-m", "procs.commands.tail_queue", "--data-root", "d", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (
        (folder / f"{name}.out").open("wb") as out,
        (folder / f"{name}.err").open("wb") as err,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def test_two_tails_one_of_them_stopped_see_the_rows_and_the_recording_misses_nothing(tmp_path: Path) -> None:
    shown = tmp_path / "reading.out"
    with (
        recording(tmp_path, *FAST) as recorder,
        tailing(tmp_path, "reading") as reading,
        tailing(tmp_path, "stopped") as stopped,
    ):
        wait_for(lambda: (tmp_path / "stopped.out").stat().st_size > 0, what="the second tail to read")
        stopped.send_signal(signal.SIGSTOP)
        wait_for(lambda: shown.read_bytes().count(b"\n") > 1500, what="the other one to read on")
        recorder.send_signal(signal.SIGTERM)
        assert recorder.wait(120) == 0
        assert reading.wait(120) == 0
        stopped.send_signal(signal.SIGCONT)
        assert stopped.wait(120) == 0
    for name in ("reading", "stopped"):
        assert "the recorder has ended\n" in (tmp_path / f"{name}.err").read_text()
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []
    archived = {line for path in closed_archives(tmp_path / "d") for line in iterate_lines(path)}
    assert len(archived) > frames_sent(tmp_path / "oracle")
    rows = shown.read_bytes().splitlines(keepends=True)
    assert len(set(rows)) == len(rows)
    assert set(rows) <= archived, "a tail shows the archive's own rows"
    kinds = {json.loads(line)["record_type"] for line in rows}
    assert {"message", "rest_checkpoint"} <= kinds


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("recorder")
    with recording(folder) as process:
        yield folder
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)


def tail(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return run_command("tail_queue", "--data-root", "d", *options, folder=folder)


def test_filters_choose_and_a_count_ends(recorder: Path) -> None:
    done = tail(recorder, "--count", "3", "--event-type", "last_trade_price", "--stream", "ws_raw")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["classified_event_types"] for row in rows] == [["last_trade_price"]] * 3
    tokens = [
        token for token in rows[0]["tokens_tracked"] if token["token_id"] == rows[0]["json"]["asset_id"]
    ]
    of_market = ("--market", tokens[0]["market_slug"], "--event-type", "price_change")
    done = tail(recorder, "--count", "5", "--stream", "ws_raw", *of_market)
    assert all(
        json.loads(line)["json"]["market"] == tokens[0]["condition_id"] for line in done.stdout.splitlines()
    )
    done = tail(recorder, "--count", "2", "--raw", "--stream", "ws_raw", "--token", tokens[0]["token_id"])
    assert all(tokens[0]["token_id"] in json.dumps(json.loads(line)) for line in done.stdout.splitlines())
    assert len(done.stdout.splitlines()) == 2
    done = tail(recorder, "--count", "1", "--stream", "rest_checkpoints")
    assert json.loads(done.stdout)["record_type"] == "rest_checkpoint"


def test_rates_come_once_a_second(recorder: Path) -> None:
    done = tail(recorder, "--rates", "--count", "1")
    rates = json.loads(done.stdout)["rates"]
    assert rates["price_change"]["messages"] > 0
    assert rates["price_change"]["bytes"] > rates["price_change"]["messages"]


def test_nothing_to_show_ends_in_time_and_without_error(recorder: Path) -> None:
    done = tail(recorder, "--token", "77", "--seconds", "0.5")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_tail_ends_well_on_a_signal(recorder: Path, number: signal.Signals) -> None:
    with tailing(recorder, "asked") as process:
        wait_for(lambda: (recorder / "asked.out").stat().st_size > 0, what="the tail to read")
        process.send_signal(number)
        assert process.wait(120) == 0
    assert (recorder / "asked.err").read_bytes() == b""
    assert (recorder / "asked.out").read_bytes().endswith(b"}\n")


def test_a_tail_ends_well_when_its_reader_leaves_or_stops_reading(recorder: Path) -> None:
    command = [sys.executable, "-P", "-m", "procs.commands.tail_queue", "--data-root", "d"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=recorder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.read(100)
        process.stdout.close()
        assert process.wait(120) == 0
        assert process.stderr.read() == b""
    with subprocess.Popen(command, cwd=recorder, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.read(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0


@pytest.mark.parametrize(
    ("options", "expected"), [(("--rates",), "messages/s"), (("--raw",), '"price_changes"'), ((), " | ")]
)
def test_on_a_terminal_people_read_words(recorder: Path, options: tuple[str, ...], expected: str) -> None:
    with on_terminal("tail_queue", "--data-root", str(recorder / "d"), *options) as terminal:
        terminal.wait_until_shown(expected)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait_for_end() == 0


def test_without_a_recorder_there_is_nothing_to_follow(tmp_path: Path) -> None:
    done = tail(tmp_path)
    assert done.returncode == 1
    assert f"no recorder runs on data root {tmp_path / 'd'}" in done.stderr
    assert tail(tmp_path, "--count", "0").returncode == 2
