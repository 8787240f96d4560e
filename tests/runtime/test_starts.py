"""Processes and threads that the machine does not give are tried again."""

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.runtime.background import TRY_AGAIN_S, BackgroundCall
from common.runtime.supervision.child import Child, refused_starts
from common.topology import Instance, kind_of
from tests.runtime.supervision.test_child import SECOND, child_that, ends
from tests.waiting import wait_for


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Nothing can be opened, and so nothing started, in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_process_that_cannot_be_started_is_tried_again_ever_later_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "facts").mkdir()
    child = child_that("dies", tmp_path)
    with no_descriptor_left():
        child.start_if_due(tmp_path / "a", 0)
        assert not child.runs
        assert "cannot be started: Too many open files" in child.not_started
        child.start_if_due(tmp_path / "a", SECOND // 20)
    assert not child.runs, "not yet due again"
    assert child.policy.restarts == 0
    child.start_if_due(tmp_path / "a", SECOND)
    assert (child.runs, child.not_started) == (True, "")
    ends(child, 2 * SECOND)


def test_a_process_beside_the_books_that_cannot_be_started_is_logged_and_not_a_problem(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    needed = Child(Instance(kind_of("discovery"), 0), tmp_path)
    beside = Child(Instance(kind_of("reference"), 0, place="rtds"), tmp_path)
    with no_descriptor_left():
        for child in (needed, beside):
            child.start_if_due(tmp_path / "a", 0)
            child.start_if_due(tmp_path / "a", 60 * SECOND)
    assert needed.not_started
    assert beside.not_started
    assert refused_starts([needed, beside]) == {"discovery": needed.not_started}
    [record] = caplog.records
    assert record.getMessage() == "process not started"
    assert vars(record)["name_of_process"] == vars(record)["reason"].partition(" ")[0] == "reference-rtds"


def test_a_process_that_must_drain_is_tried_again_too(tmp_path: Path) -> None:
    (tmp_path / "facts").mkdir()
    child = child_that("dies", tmp_path)
    child.start_if_due(tmp_path / "a", 1)
    ends(child, 1)
    child.stop(5, SECOND)
    with no_descriptor_left():
        child.start_if_due(tmp_path / "a", SECOND)
    assert child.busy(2 * SECOND)
    child.start_if_due(tmp_path / "a", 2 * SECOND)
    assert child.runs
    ends(child, 3 * SECOND)


def test_a_call_for_which_there_is_no_thread_begins_as_soon_as_there_is_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    start = threading.Thread.start
    refused: list[int] = []

    def no_thread(thread: threading.Thread) -> None:
        if len(refused) < 2:
            refused.append(1)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr("common.runtime.background.TRY_AGAIN_S", TRY_AGAIN_S / 100)
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    call = BackgroundCall(lambda: 7)
    assert not call.done
    wait_for(lambda: call.done, what="the call")
    assert call.result() == 7
    assert [record.getMessage() for record in caplog.records] == ["thread not started, trying again"]
