"""Events reach the webhook once it takes them, whatever it did before, and nobody waits for it."""

import json
import logging
import time
from collections.abc import Iterator, Sequence

import pytest

from common.core.operator_events.event import OperatorEvent
from common.notify.webhook import Webhook
from common.runtime.run.facts import Tally
from tests.notify.receiver import Receiver, receiving, unused_port
from tests.waiting import wait_for

S = 1_000_000_000
HOUR_NS = 3600 * S


def event(number: int) -> OperatorEvent:
    return OperatorEvent(number, "dark", "2026-01-01T00:00:00Z", "no data", "r", "h", "live")


class Poster:
    """A webhook that is driven as the manifest process does it, on a clock that can be put on."""

    def __init__(self, url: str, posted: int = 0) -> None:
        self.tally = Tally(None)
        self.webhook = Webhook(url, self.tally, posted=posted, timeout_s=0.5)
        self.now_ns = 0
        self.slowest_s = 0.0

    def step(self, recent: Sequence[OperatorEvent]) -> None:
        began = time.thread_time()
        self.webhook.step(recent, self.now_ns)
        self.slowest_s = max(self.slowest_s, time.thread_time() - began)

    def counted(self, name: str) -> int:
        return self.tally.counters[name]

    def until(self, recent: Sequence[OperatorEvent], name: str, count: int) -> None:
        def done() -> bool:
            self.step(recent)
            return self.counted(name) >= count

        wait_for(done, what=f"{name} to be {count}", timeout_s=60)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def bodies(receiver: Receiver) -> list[int]:
    return [json.loads(body)["id"] for _, _, body in receiver.requests]


def test_events_are_posted_as_json_in_order_and_once(receiver: Receiver) -> None:
    poster = Poster(receiver.url)
    recent = [event(1), event(2), event(3)]
    poster.until(recent, "webhook_posts_total", 3)
    for _ in range(20):
        poster.step(recent)
    method, path, body = receiver.requests[0]
    assert (method, path) == ("POST", "/hook/S3CRET?token=T0KEN%20X")
    assert json.loads(body)["event"] == "dark"
    assert bodies(receiver) == [1, 2, 3]
    assert poster.webhook.posted == 3


def test_a_receiver_that_answers_500_is_asked_again_later_and_gets_everything(receiver: Receiver) -> None:
    receiver.status = 500
    poster = Poster(receiver.url)
    recent = [event(1), event(2)]
    poster.until(recent, "webhook_failures_total", 1)
    for _ in range(20):
        poster.step(recent)
    assert len(receiver.requests) == 1  # it waits first
    receiver.status = 204
    poster.now_ns += HOUR_NS
    poster.until(recent, "webhook_posts_total", 2)
    assert bodies(receiver) == [1, 1, 2]


def test_a_receiver_that_asks_to_wait_is_left_alone_for_so_long(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": "120"}
    poster = Poster(receiver.url)
    poster.until([event(1)], "webhook_failures_total", 1)
    poster.now_ns += 119 * S
    for _ in range(20):
        poster.step([event(1)])
    assert len(receiver.requests) == 1
    receiver.status = 200
    poster.now_ns += 60 * S
    poster.until([event(1)], "webhook_posts_total", 1)


@pytest.mark.parametrize("behaviour", ["hang", "break"])
def test_a_receiver_that_hangs_or_goes_away_holds_nobody_up(receiver: Receiver, behaviour: str) -> None:
    receiver.behaviour = behaviour  # type: ignore[assignment]
    poster = Poster(receiver.url)
    poster.until([event(1)], "webhook_failures_total", 1)
    assert poster.slowest_s < 0.25
    receiver.behaviour = "well"
    receiver.free.set()
    poster.now_ns += HOUR_NS
    poster.until([event(1)], "webhook_posts_total", 1)


def test_a_receiver_that_is_not_there_is_tried_again_later_and_nothing_is_lost() -> None:
    poster = Poster(f"http://127.0.0.1:{unused_port()}/S3CRET")
    for failures in (1, 2, 3):
        poster.until([event(1)], "webhook_failures_total", failures)
        for _ in range(20):
            poster.step([event(1)])
        assert poster.counted("webhook_failures_total") == failures  # it waits first
        poster.now_ns += HOUR_NS
    assert poster.webhook.posted == 0


def test_what_the_receiver_refuses_is_dropped_and_the_rest_goes_on(receiver: Receiver) -> None:
    receiver.status = 404
    poster = Poster(receiver.url)
    poster.until([event(1)], "webhook_events_dropped_total", 1)
    receiver.status = 200
    poster.until([event(1), event(2)], "webhook_posts_total", 1)
    assert bodies(receiver) == [1, 2]


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 302, {"Location": "/elsewhere"}
    poster = Poster(receiver.url)
    poster.until([event(1)], "webhook_events_dropped_total", 1)
    assert len(receiver.requests) == 1


def test_events_that_newer_ones_pushed_out_are_counted_as_dropped(receiver: Receiver) -> None:
    poster = Poster(receiver.url, posted=3)
    poster.until([event(8), event(9)], "webhook_posts_total", 2)
    assert poster.counted("webhook_events_dropped_total") == 4
    assert bodies(receiver) == [8, 9]


@pytest.mark.parametrize("behaviour", ["well", "hang", "break", "away", "no name"])
def test_no_log_record_holds_more_of_the_url_than_its_host(
    receiver: Receiver, behaviour: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.status = 500
    url = receiver.url
    if behaviour == "away":
        url = url.replace(str(receiver.port), str(unused_port()))
    elif behaviour == "no name":
        url = url.replace("127.0.0.1", "no-such-name.invalid")
    else:
        receiver.behaviour = behaviour  # type: ignore[assignment]
    poster = Poster(url)
    poster.until([event(1)], "webhook_failures_total", 1)
    records = [record for record in caplog.records if record.name.startswith("common.")]
    assert records
    for record in records:
        assert "S3CRET" not in str(record.__dict__)
        assert "T0KEN" not in str(record.__dict__)
