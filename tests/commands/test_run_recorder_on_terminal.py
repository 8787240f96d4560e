"""What the person sees who starts a recorder on a terminal, and what a pipe gets instead."""

import json
import re
from pathlib import Path

import pytest

from tests.commands.terminal import on_terminal
from tests.end_to_end.running import run_command

pytestmark = pytest.mark.unmeasured
CLOSING = re.compile(r"Recorded ([\d,]+) messages, no gap, [\d.]+ \w+, (\d+) archives in (\S+)\.\r\n$")


def arguments(data_root: Path) -> tuple[str, ...]:
    return ("--exchange", "simulated", "--duration-seconds", "3", "--data-root", str(data_root))


def test_a_terminal_gets_short_lines_how_to_watch_and_the_sums_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("RECORDER__MANIFEST__HTTP_PORT", "0")
    with on_terminal("run_recorder", *arguments(tmp_path), errors_too=True) as command:
        assert command.wait_for_end() == 0
        shown = command.written
    assert f"Recording the simulated exchange to {tmp_path}" in shown
    assert f"bin/recorderctl --data-root {tmp_path} status" in shown
    assert re.search(r"^\d\d:\d\d:\d\d ws_reader-0a  session opened  session_id=", shown, re.MULTILINE)
    assert '{"' not in shown
    assert "\x1b" not in shown
    closing = CLOSING.search(shown)
    assert closing, shown[-300:]
    counters = json.loads((tmp_path / "manifests/polymarket_ws_recorder_latest.json").read_bytes())[
        "counters"
    ]
    assert int(closing[1].replace(",", "")) == counters["ws_messages_total"] > 0
    assert int(closing[2]) == counters["archives_closed_total"] > 0


def test_a_pipe_gets_json_and_the_sums_in_the_last_record(tmp_path: Path) -> None:
    done = run_command("run_recorder", *arguments(tmp_path / "d"), folder=tmp_path)
    records = [json.loads(line) for line in done.stderr.splitlines()]
    [stopped] = [record for record in records if record["message"] == "recorder stopped"]
    assert stopped["messages"] > 0
    assert (stopped["gaps"], stopped["archives"] > 0) == (0, True)
    assert "Recording the" not in done.stderr
