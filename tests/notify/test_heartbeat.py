"""The heartbeat comes while the recorder is well, and its absence means that something is wrong."""

from collections.abc import Iterator

import pytest

from common.notify.heartbeat import Heartbeat
from common.runtime.run.facts import Tally
from tests.notify.receiver import Receiver, receiving
from tests.waiting import wait_for

S = 1_000_000_000


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


class Beating:
    def __init__(self, url: str) -> None:
        self.tally = Tally(None)
        self.heartbeat = Heartbeat(url, 60, self.tally, timeout_s=0.5)
        self.now_ns = 0

    def until(self, name: str, count: int) -> None:
        def done() -> bool:
            self.heartbeat.step(self.now_ns, healthy=True)
            return self.tally.counters[name] >= count

        wait_for(done, what=f"{name} to be {count}", timeout_s=60)

    def step(self, *, healthy: bool, times: int = 20) -> None:
        for _ in range(times):
            self.heartbeat.step(self.now_ns, healthy=healthy)


def test_the_url_is_asked_once_an_interval_while_health_is_green(receiver: Receiver) -> None:
    beating = Beating(receiver.url)
    beating.until("heartbeats_total", 1)
    beating.now_ns += 59 * S
    beating.step(healthy=True)
    assert len(receiver.requests) == 1
    beating.now_ns += S
    beating.until("heartbeats_total", 2)
    assert [method for method, _, _ in receiver.requests] == ["GET", "GET"]


def test_it_is_not_asked_while_health_is_red_and_again_as_soon_as_that_is_over(receiver: Receiver) -> None:
    beating = Beating(receiver.url)
    for _ in range(10):
        beating.now_ns += 60 * S
        beating.step(healthy=False)
    assert receiver.requests == []
    beating.until("heartbeats_total", 1)


@pytest.mark.parametrize("behaviour", ["hang", "break"])
def test_one_that_fails_is_counted_and_the_next_goes_on_time(receiver: Receiver, behaviour: str) -> None:
    receiver.behaviour = behaviour  # type: ignore[assignment]
    beating = Beating(receiver.url)
    beating.until("heartbeat_failures_total", 1)
    receiver.behaviour = "well"
    receiver.free.set()
    beating.now_ns += 60 * S
    beating.until("heartbeats_total", 1)


def test_an_answer_of_500_is_a_failure_and_a_log_record_tells_no_secret(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = 500
    beating = Beating(receiver.url)
    beating.until("heartbeat_failures_total", 1)
    (record,) = [record for record in caplog.records if record.message == "heartbeat failed"]
    assert record.__dict__["reason"] == "127.0.0.1 answered HTTP 500"
