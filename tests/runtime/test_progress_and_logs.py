import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from common.runtime.run.details import NOTHING
from common.runtime.run.facts import Facts
from common.sample.progress import Progress
from tests.end_to_end.running import ROOT


def facts(messages: int, asked: int, failed: int) -> dict[str, Facts]:
    reader = Facts("ws_reader-0", 1, 0, 0, {"ws_messages_total": messages}, {}, NOTHING)
    counters = {"rest_requests_total": asked, "rest_failures_total": failed}
    return {"ws_reader-0": reader, "rest": Facts("rest", 2, 0, 0, counters, {}, NOTHING)}


def test_without_a_terminal_there_is_a_whole_line_now_and_then() -> None:
    out = io.StringIO()
    progress = Progress(20, out)
    progress.show(0.0, {})
    progress.show(5.0, facts(100, 1, 0))
    progress.show(10.0, facts(1500, 3, 1))
    progress.show(21.0, facts(1500, 3, 1))
    progress.end()
    assert out.getvalue().splitlines() == [
        "    0 s of 20 s   0 messages   0/s   0 checkpoints",
        "   10 s of 20 s   1,500 messages   150/s   2 checkpoints",
        "   20 s of 20 s   1,500 messages   0/s   2 checkpoints   draining",
    ]


def test_on_a_terminal_one_line_is_rewritten_and_left_standing() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        progress = Progress(20, terminal)
        for tenth in range(10):
            progress.show(tenth / 10, facts(tenth, 0, 0))
        progress.end()
        shown = ""
        while "\n" not in shown:
            shown += os.read(ours, 65_536).decode()
    os.close(ours)
    counts = re.findall(r"of 20 s   (\d) messages", shown)
    assert list(dict.fromkeys(counts)) == ["0", "3", "6", "9"], "drawn four times a second"
    assert shown.count("\n") == 1


def logged(code: str) -> "tuple[list[dict[str, str]], int]":
    """What a program writes to standard error, a record a line, and its exit code."""
    script = f"import logging\nfrom common.runtime.logs import start_logging\n{code}"
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=20
    )
    return [json.loads(line) for line in result.stderr.splitlines()], result.returncode


def test_a_record_is_one_line_of_json_with_process_run_and_its_fields() -> None:
    [record], code = logged(
        "start_logging('ws_reader-0', 'r1')\n"
        "log = logging.getLogger('x')\n"
        "log.debug('not shown')\n"
        "log.info('session closed', extra={'reason': 'two\\nlines', 'lasted_s': 1.5})\n"
    )
    assert code == 0
    assert record.pop("at").startswith("20")
    assert record == {
        "level": "INFO",
        "logger": "x",
        "message": "session closed",
        "process": "ws_reader-0",
        "run_id": "r1",
        "reason": "two\nlines",
        "lasted_s": 1.5,
    }


def test_the_end_by_a_bug_is_a_record_too() -> None:
    [record], code = logged("start_logging('discovery', 'r1', level=logging.WARNING)\n1 / 0\n")
    assert code == 1
    assert record["level"] == "CRITICAL"
    assert record["message"] == "ended by a bug"
    assert "ZeroDivisionError" in record["exc_info"]


def test_the_packages_logs_go_to_one_place_only(tmp_path: Path) -> None:
    records, _ = logged(
        "start_logging('a', 'r1')\nstart_logging('b', 'r2')\nlogging.getLogger('x').warning('once')\n"
    )
    assert [record["process"] for record in records] == ["b"]
    assert not list(tmp_path.iterdir())


LOGGING = """
import logging
from common.runtime.logs import flush_logs, start_logging
start_logging("reader", "run")
log = logging.getLogger("x")
log.info("session closed", extra={"reason": "stale\\x1b[2J", "more": "x" * 500})
log.warning("slow disk", extra={"more": "y" * 200})
try:
    1 / 0
except ZeroDivisionError:
    log.exception("wrong")
flush_logs()
"""


def logged_on_terminal(**environment: str) -> str:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "wb", 0) as terminal:
        subprocess.run(
            [sys.executable, "-c", LOGGING],
            stderr=terminal,
            cwd=ROOT,
            env={**os.environ, "TERM": "xterm", **environment},
            check=True,
        )
        shown = b""
        while b"ZeroDivisionError: " not in shown:
            shown += os.read(ours, 65_536)
    os.close(ours)
    return shown.decode()


def test_on_a_terminal_records_are_short_lines_and_what_is_wrong_is_there_in_full() -> None:
    lines = logged_on_terminal(NO_COLOR="1").splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d reader  session closed  reason=stale\?\[2J more=x+…?", lines[0])
    assert lines[1].endswith("reader  WARNING: slow disk  more=" + "y" * 200)
    assert lines[2].endswith("reader  ERROR: wrong")
    assert "\x1b" not in "".join(lines)


def test_on_a_terminal_warnings_are_coloured_unless_it_is_asked_not_to() -> None:
    assert "\x1b[33mreader  WARNING: slow disk" in logged_on_terminal(NO_COLOR="")
    assert "\x1b" not in logged_on_terminal(TERM="dumb")
