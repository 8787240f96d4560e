import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from common.runtime.run.facts import write_facts
from common.runtime.run.orders import Orders, OrdersFollower
from common.runtime.run.run_dir import default_run_dir
from tests.commands.terminal import on_terminal
from tests.core.status.test_view import manifest
from tests.end_to_end.running import run_here, started_command
from tests.stated import DISCOVERY, facts, supervisor
from tests.waiting import wait_for

pytestmark = pytest.mark.unmeasured

ALTERNATE_SCREEN, USUAL_SCREEN = "\x1b[?1049h", "\x1b[?1049l"


def recorderctl(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = run_here("recorderctl", "--data-root", "d", *arguments, folder=folder)
    return done.returncode, done.stdout, done.stderr


def state(folder: Path) -> str:
    path = folder / "d/manifests/polymarket_ws_recorder_latest.json"
    return str(json.loads(path.read_bytes())["state"]) if path.exists() else ""


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A data root on which a recorder was killed."""
    path = tmp_path / "d/manifests/polymarket_ws_recorder_latest.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(manifest()))
    return tmp_path


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    folder = tmp_path_factory.mktemp("recorder")
    with started_command(
        "run_recorder",
        *("--exchange", "simulated", "--data-root", "d"),
        folder=folder,
        environment={"RECORDER__MANIFEST__WRITE_INTERVAL_SECONDS": "0.1"},
    ) as process:
        wait_for(lambda: state(folder) == "RUNNING_RECEIVING", what="the recorder to receive")
        yield folder, process


def test_scaling_rotating_and_refreshing_become_standing_orders(recorder: tuple[Path, Any]) -> None:
    folder, _ = recorder
    assert recorderctl(folder, "scale", "writer", "2") == (0, "writers: 1 -> 2\n", "")
    assert recorderctl(folder, "rotate")[0] == 0
    assert recorderctl(folder, "refresh-discovery", "--data-root", "d")[0] == 0
    orders = OrdersFollower(default_run_dir(folder / "d")).current(0)
    assert orders == Orders(writers=2, readers=1, rotations=1, discoveries=1)


def test_status_of_a_running_recorder_is_its_manifest_and_the_word_that_it_lives(
    recorder: tuple[Path, Any],
) -> None:
    folder, process = recorder
    code, shown, _ = recorderctl(folder, "status")
    assert code == 0
    assert "● RUNNING_RECEIVING" in shown
    assert "\x1b" not in shown
    document = json.loads(recorderctl(folder, "status", "--json")[1])
    assert document["state"] == "RUNNING_RECEIVING"
    assert document["liveness"]["running"] is True
    assert document["liveness"]["pid"] == process.pid


def test_stop_waits_until_the_recorder_has_ended_and_says_for_what(recorder: tuple[Path, Any]) -> None:
    folder, process = recorder
    code, shown, _ = recorderctl(folder, "stop")
    assert code == 0
    assert "waiting for" in shown
    assert "archive_writer-0" in shown
    assert shown.endswith("the recorder has ended\n")
    assert process.wait(120) == 0
    assert state(folder) == "STOPPED"
    code, _, said = recorderctl(folder, "stop")
    assert code == 1
    assert f"no recorder runs on data root {folder / 'd'}" in said


@pytest.mark.parametrize("arguments", [("scale", "writer", "0"), ("scale", "reader", "2"), (), ("explode",)])
def test_wrong_usage_has_its_own_code(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, _, said = recorderctl(tmp_path, *arguments)
    assert code == 2
    assert "usage: recorderctl" in said


def test_without_any_run_the_status_says_so(tmp_path: Path) -> None:
    code, _, said = recorderctl(tmp_path, "status")
    assert code == 1
    assert f"no recorder runs on data root {tmp_path / 'd'}, and none has" in said


def test_a_garbled_manifest_is_named(recorded: Path) -> None:
    path = recorded / "d/manifests/polymarket_ws_recorder_latest.json"
    path.write_text("{garbled")
    code, _, said = recorderctl(recorded, "status", "--json")
    assert code == 1
    assert f"{path}: cannot be read" in said


def test_a_killed_recorders_last_state_is_not_taken_for_its_state(recorded: Path) -> None:
    said = "not running, last state RUNNING_RECEIVING at 2026-11-23T12:02:30.000000Z"
    assert said in recorderctl(recorded, "status")[1]
    document = json.loads(recorderctl(recorded, "status", "--json")[1])
    assert document["liveness"] | {"discovery_age_s": None} == {
        "running": False,
        "pid": None,
        "words": said,
        "discovery_age_s": None,
        "errors": [],
    }


@pytest.fixture
def another_run(recorded: Path) -> Iterator[Path]:
    """The killed recorder's successor: this process, as far as its facts tell."""
    run_dir = default_run_dir(recorded / "d")
    (run_dir / "facts").mkdir(parents=True)
    write_facts(run_dir, facts("supervisor", supervisor()))
    write_facts(run_dir, facts("discovery", replace(DISCOVERY, last_error="gamma.test is away")))
    yield run_dir
    for path in sorted(run_dir.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    run_dir.rmdir()


def test_a_run_without_a_manifest_is_told_apart_from_the_one_before(
    another_run: Path, recorded: Path
) -> None:
    (another_run / "assignment.json").write_text('{"run_id":"fresh"}')
    shown = recorderctl(recorded, "status")[1]
    assert "run fresh has written no manifest yet; shown is an earlier run" in shown
    assert "discovery: gamma.test is away" in shown


def test_a_manifest_that_is_no_longer_written_is_said_to_be_old(another_run: Path, recorded: Path) -> None:
    assert another_run.exists()
    assert "running, but its manifest is" in recorderctl(recorded, "status")[1]


def test_a_recorder_that_does_not_answer_is_no_success(another_run: Path, recorded: Path) -> None:
    assert another_run.exists()
    code, _, said = recorderctl(recorded, "rotate")
    assert code == 1
    assert "did not answer within" in said


@pytest.mark.parametrize("ending", ["q", "Q", signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_live_view_gives_the_terminal_back(recorded: Path, ending: str | signal.Signals) -> None:
    with on_terminal("recorderctl", "status", "--data-root", str(recorded / "d")) as terminal:
        terminal.wait_until_shown("NOT RUNNING")
        assert ALTERNATE_SCREEN in terminal.written
        assert not terminal.echoes()
        if isinstance(ending, str):
            terminal.press("x" + ending)
        else:
            terminal.process.send_signal(ending)
        assert terminal.wait_for_end() == 0
        assert terminal.written.endswith(USUAL_SCREEN)
        assert terminal.echoes()


def test_the_live_view_gives_the_terminal_back_when_it_fails(recorded: Path) -> None:
    arguments = ("status", "--watch", "0.1", "--data-root", str(recorded / "d"))
    with on_terminal("recorderctl", *arguments) as terminal:
        terminal.wait_until_shown("NOT RUNNING")
        (recorded / "d/manifests/polymarket_ws_recorder_latest.json").unlink()
        assert terminal.wait_for_end() == 1
        assert terminal.written.endswith(USUAL_SCREEN)
        assert terminal.process.stderr
        assert b"no recorder runs" in terminal.process.stderr.read()


def test_the_live_view_follows_a_resize_at_once(recorded: Path) -> None:
    arguments = ("status", "--watch", "3600", "--data-root", str(recorded / "d"))
    with on_terminal("recorderctl", *arguments) as terminal:
        terminal.wait_until_shown("UTC")
        wait_for(lambda: terminal.read().count("\r\n") == 23, what="the whole of the first picture")
        drawn = len(terminal.written)
        terminal.resize(40, 10)
        terminal.process.send_signal(signal.SIGWINCH)
        wait_for(lambda: "UTC" in terminal.read()[drawn:], what="another picture")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert terminal.written[drawn:].count("\r\n") == 9


def test_on_a_terminal_too_plain_text_can_be_had(recorded: Path) -> None:
    with on_terminal("recorderctl", "status", "--once", "--data-root", str(recorded / "d")) as terminal:
        assert terminal.wait_for_end() == 0
        assert ALTERNATE_SCREEN not in terminal.written


def event(number: int, kind: str) -> dict[str, object]:
    at = f"2026-11-23T12:00:{number:02}Z"
    origin = {"run_id": "20261123T120000Z-ab12", "host": "h", "exchange": "live"}
    return {"id": number, "event": kind, "at_utc": at, "text": f"{kind} it is", **origin}


def test_events_are_lines_or_json_and_each_is_followed_once(recorded: Path) -> None:
    path = recorded / "d/manifests/polymarket_ws_recorder_latest.json"
    path.write_text(json.dumps(manifest(events=[event(3, "dark")])))
    lines = "(2 older events are no longer kept)\n2026-11-23T12:00:03Z  dark        dark it is\n"
    assert recorderctl(recorded, "events") == (0, lines, "")
    with started_command(
        "recorderctl", "--data-root", "d", "events", "--follow", "--json", folder=recorded
    ) as follower:
        assert follower.stdout is not None
        assert json.loads(follower.stdout.readline())["event"] == "dark"
        path.with_suffix(".new").write_text(json.dumps(manifest(events=[event(3, "dark"), event(4, "gap")])))
        path.with_suffix(".new").replace(path)
        assert json.loads(follower.stdout.readline())["id"] == 4
        path.with_suffix(".new").write_text(
            json.dumps({**manifest(events=[event(1, "disk")]), "run_id": "20261124T120000Z-ab12"})
        )
        path.with_suffix(".new").replace(path)
        assert json.loads(follower.stdout.readline())["event"] == "disk"
        follower.send_signal(signal.SIGINT)
        follower.wait(30)
