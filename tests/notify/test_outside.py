"""The manifest process tells the outside what happens to the run, and keeps it for `recorderctl events`."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from common.config import NotifySettings
from common.runtime.run.facts import write_facts
from procs.manifest import Manifest
from tests.notify.receiver import Receiver, receiving
from tests.stated import facts
from tests.status.test_health_http import Run
from tests.waiting import wait_for

S = 1_000_000_000


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


class Told(Run):
    """A run whose manifest process posts to `url`."""

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        super().__init__(folder, 0)
        notify = NotifySettings(webhook_url=receiver.url, heartbeat_url=f"{receiver.url}&beat")
        settings = msgspec.structs.replace(self.runtime.settings, notify=notify)
        assignment = msgspec.structs.replace(self.runtime.assignment, settings=settings)
        self.runtime = msgspec.structs.replace(self.runtime, assignment=assignment)
        self.manifest = Manifest(self.runtime)
        self.data_at_ns = time.time_ns()

    def until(self, condition: Callable[[], object], *, receiving: bool) -> None:
        """Step, each step a second, until it is so."""

        def stepped() -> object:
            self.later_ns += S
            self.say_supervisor()
            self.say_reader(
                "receiving" if receiving else "reconnecting", last_market_data_at_ns=self.data_at_ns
            )
            if receiving:
                self.data_at_ns = time.time_ns()
            self.manifest.step(0)
            return condition()

        wait_for(stepped, what="the condition")


def posted(receiver: Receiver) -> list[str]:
    bodies = [json.loads(body) for method, _, body in receiver.requests if method == "POST"]
    return [body["healed"] or body["event"] for body in bodies]


def beats(receiver: Receiver) -> int:
    return sum(path.endswith("&beat") for _, path, _ in receiver.requests)


def test_a_run_that_gets_no_data_posts_that_and_its_heartbeat_stays_away(
    tmp_path: Path, receiver: Receiver
) -> None:
    run = Told(tmp_path, receiver)
    run.until(lambda: beats(receiver) >= 1, receiving=True)
    run.until(lambda: posted(receiver) == ["problem"], receiving=False)
    before = beats(receiver)
    steps = iter(range(100))
    run.until(lambda: next(steps) == 70, receiving=False)
    assert beats(receiver) == before
    run.until(lambda: posted(receiver) == ["problem", "problem"] and beats(receiver) > before, receiving=True)
    run.manifest.close()


def test_a_manifest_process_that_was_started_again_posts_no_event_twice(
    tmp_path: Path, receiver: Receiver
) -> None:
    run = Told(tmp_path, receiver)
    run.until(lambda: posted(receiver) == ["problem"], receiving=False)
    run.until(lambda: run.manifest.details().events_posted == 1, receiving=False)
    details = run.manifest.details()
    write_facts(run.run_dir, facts("manifest", details))
    run.manifest.close()
    run.manifest = Manifest(run.runtime)
    run.until(lambda: len(posted(receiver)) > 1, receiving=True)
    assert [event.id for event in run.manifest.details().events] == [1, 2]
    assert posted(receiver) == ["problem", "problem"]
    run.manifest.close()
