"""Replays for the page: one at a time, in a process of its own, and the latest answers kept."""

import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import msgspec

from common.core.page.book import BookQuestion
from common.core.page.windows import WindowsQuestion
from common.page.queries import refused
from common.status.answers import Page, json_page

KEPT = 16
LIMIT_S = 240.0  # on a busy machine its processor time takes so long
TOO_LONG = "the replay took too long or too much memory: ask for a shorter stretch, or use bin/replay-book"

Question = BookQuestion | WindowsQuestion
Ask = Callable[[Question], Page]


class ReplayDesk:
    """Takes questions; the answer is there when it is asked for again. `replay` is what answers, in a thread."""

    def __init__(self, replay: Ask) -> None:
        self._replay = replay
        self._lock = threading.Lock()
        self._answers: OrderedDict[Question, Page] = OrderedDict()
        self._busy: Question | None = None

    def ask(self, question: Question, *, once: bool = False) -> Page:
        """The answer, or 202 while it is worked on or waits for another one's. `once`: it is not kept after that."""
        with self._lock:
            if (page := self._answers.get(question)) is not None:
                if once or page.status != HTTPStatus.OK:
                    del self._answers[question]  # said once; the next question is a new attempt
                return page
            if self._busy is None:
                self._busy = question
                threading.Thread(target=self._work, args=(question,), name="replay", daemon=True).start()
        page = json_page({"working": True})
        return Page(HTTPStatus.ACCEPTED, page.content_type, page.body)

    def _work(self, question: Question) -> None:
        page = refused("the replay failed, see the log", HTTPStatus.INTERNAL_SERVER_ERROR)
        try:
            page = self._replay(question)
        finally:
            with self._lock:
                self._busy = None
                self._answers[question] = page
                while len(self._answers) > KEPT:
                    self._answers.popitem(last=False)


class ReplayProcess:
    """Asks `common.page.replay`. `close` ends what still runs."""

    def __init__(self, data_root: Path, limit_s: float = LIMIT_S) -> None:
        self._data_root, self._limit_s = data_root, limit_s
        self._running: subprocess.Popen[bytes] | None = None

    def __call__(self, question: Question) -> Page:
        """One question, in a process of its own."""
        arguments = [sys.executable, "-P", "-m", "common.page.replay", str(self._data_root)]
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            self._running = process
            try:
                output, _ = process.communicate(msgspec.json.encode(question), timeout=self._limit_s)
            except subprocess.TimeoutExpired:
                process.kill()
                return refused(TOO_LONG, HTTPStatus.SERVICE_UNAVAILABLE)
            finally:
                self._running = None
        if process.returncode < 0:
            return refused(TOO_LONG, HTTPStatus.SERVICE_UNAVAILABLE)
        with suppress(msgspec.DecodeError):
            msgspec.json.decode(output)
            status = HTTPStatus.OK if process.returncode == 0 else HTTPStatus.NOT_FOUND
            return Page(status, "application/json", output)
        return refused("the replay failed, see the log", HTTPStatus.INTERNAL_SERVER_ERROR)

    def close(self) -> None:
        """End a replay that still runs."""
        process = self._running
        if process is not None:
            process.kill()
