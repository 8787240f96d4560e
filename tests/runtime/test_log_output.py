"""Logging never waits for who reads it, and never ends a process."""

import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.runtime.log_output import KEPT_RECORDS, LONGEST_RECORD_BYTES, LogOutput
from tests.end_to_end.running import ROOT
from tests.waiting import wait_for


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe in which nothing finds room."""
    reading, writing = os.pipe()
    fill(writing)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def fill(writing: int) -> None:
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)


def record(words: str) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, "", 0, words, (), None)


def test_a_reader_that_stands_still_holds_nobody_up_and_what_finds_no_room_is_counted(
    full_pipe: tuple[int, int],
) -> None:
    reading, writing = full_pipe
    output = LogOutput(writing)
    output.emit(record("the first, with which the thread waits"))
    wait_for(lambda: threading.active_count() > 1, what="the thread")
    for number in range(KEPT_RECORDS + 500):
        output.emit(record(f"record {number}"))
    assert 499 <= output.take_dropped() <= 501
    assert output.take_dropped() == 0
    begun = time.monotonic()
    output.flush()
    assert time.monotonic() - begun < 30, "a flush has a deadline"
    read = b""

    def all_read() -> bool:
        nonlocal read
        read += os.read(reading, 1 << 20)
        return b"record 1900\n" in read

    wait_for(all_read, what="what was kept")
    assert b"the first, with which the thread waits\nrecord 0\nrecord 1\n" in read
    output.flush()  # what is still kept would go to the next file with this descriptor


def test_a_record_is_bounded_and_one_that_cannot_be_formatted_is_dropped() -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 1 << 20)
    output = LogOutput(writing)
    output.emit(record("x" * 10 * LONGEST_RECORD_BYTES))
    output.emit(logging.LogRecord("x", logging.INFO, "", 0, "%d", ("not a number",), None))
    output.flush()
    assert len(os.read(reading, 1 << 20)) == LONGEST_RECORD_BYTES + 1
    assert output.take_dropped() == 1
    os.close(reading)
    os.close(writing)


def test_without_a_thread_records_are_dropped_until_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    reading, writing = os.pipe()
    output = LogOutput(writing)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        output.emit(record("lost"))
    output.emit(record("kept"))
    output.flush()
    assert (os.read(reading, 100), output.take_dropped()) == (b"kept\n", 1)
    os.close(reading)
    os.close(writing)


SCRIPT = """
import logging, os, sys, time
from common.runtime.log_output import fill_standard_streams
from common.runtime.logs import start_logging
fill_standard_streams()
start_logging('p', 'r1')
"""


def test_a_process_whose_log_nobody_reads_ends_all_the_same(full_pipe: tuple[int, int]) -> None:
    code = SCRIPT + "for n in range(5000): logging.warning('record %d', n)\n"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, stderr=full_pipe[1], timeout=60, check=False
    )
    assert result.returncode == 0


def test_a_process_whose_log_nobody_reads_obeys_its_signals(full_pipe: tuple[int, int]) -> None:
    code = SCRIPT + (
        "import signal\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "print('up', flush=True)\n"
        "while True: logging.warning('again'); time.sleep(0.001)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stderr=full_pipe[1], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 7


def test_closed_standard_streams_are_borne_and_no_file_gets_their_numbers(tmp_path: Path) -> None:
    code = SCRIPT + (
        f"file = open({str(tmp_path / 'archive')!r}, 'w')\n"
        "logging.error('into nothing')\n"
        "print('nor does this', file=sys.stderr)\n"
        "os.write(2, b'nor what a library says')\n"
        "file.write(str(file.fileno() > 2))\n"
    )
    result = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, code],
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0
    assert (tmp_path / "archive").read_text() == "True"
