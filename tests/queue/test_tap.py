import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from common.queue.lane import KEPT_SEGMENT_BYTES
from common.queue.protocol import CONTEXTS_KEPT
from common.queue.tail import QueueTail, Tailed
from common.queue.tap import SOCKET_NAME
from common.socket_ends import TAP
from common.topology import COPY_LIMIT_BYTES
from tests.queue.producing import Producing
from tests.waiting import wait_for


@pytest.fixture
def producing(tmp_path: Path) -> Iterator[Producing]:
    producer = Producing(tmp_path)
    yield producer
    producer.close()


@pytest.fixture
def tail(tmp_path: Path) -> Iterator[QueueTail]:
    looking_on = QueueTail(tmp_path)
    yield looking_on
    looking_on.close()


def join(producing: Producing, tail: QueueTail) -> None:
    """Look until what the producer appends arrives."""

    def arrives() -> bool:
        tail.look()
        producing.append(1, b"joining")
        producing.look()
        return bool(tail.receive(0.01))

    wait_for(arrives, what="the subscription to reach the producer")
    while tail.receive(0.05):
        pass


def collect(tail: QueueTail, count: int) -> list[Tailed]:
    taken: list[Tailed] = []

    def enough() -> bool:
        taken.extend(tail.receive(0.01))
        return len(taken) >= count

    wait_for(enough, what=f"{count} envelopes")
    return taken


def test_who_joins_late_gets_all_that_follows_in_the_order_of_receipt_with_its_context(
    producing: Producing, tail: QueueTail
) -> None:
    producing.append(10)
    join(producing, tail)
    before = producing.outbox.numbers.newest
    producing.append(500)
    producing.look()
    taken = collect(tail, 500)
    sequences = [tailed.envelope.global_message_sequence for tailed in taken]
    assert sequences == list(range(before + 1, before + 501)), "over both lanes"
    assert {(tailed.name, tailed.origin.producer, tailed.stream) for tailed in taken} == {
        ("reader-0", "reader-0-first", "ws_raw")
    }
    assert taken[0].context is not None
    assert taken[0].context.session_id == "s"
    assert tail.take_missed() == {}


def test_the_first_who_joins_hears_what_was_appended_before(producing: Producing, tail: QueueTail) -> None:
    producing.append(10)
    tail.look()

    taken: list[Tailed] = []

    def joined() -> bool:
        producing.look()
        taken.extend(tail.receive(0.01))
        return bool(taken)

    wait_for(joined, what="what was appended before anybody looked on")
    sequences = [tailed.envelope.global_message_sequence for tailed in taken]
    assert sequences == list(range(1, 11))
    assert tail.take_missed() == {}


def test_a_context_that_the_outbox_has_forgotten_is_still_known(
    producing: Producing, tail: QueueTail
) -> None:
    join(producing, tail)
    producing.append(1)
    producing.look()
    producing.open_context()
    for lane in producing.outbox.lanes.values():
        lane.forget_through(lane.last_sequence)
    producing.outbox.forget_contexts()
    taken = collect(tail, 1)
    assert taken[0].context is not None
    assert taken[0].context.number == 1
    assert list(producing.outbox.files.contexts) == [2]


def test_who_follows_for_long_keeps_the_newest_contexts_only(producing: Producing, tail: QueueTail) -> None:
    join(producing, tail)
    for _ in range(3 * CONTEXTS_KEPT):
        producing.open_context()
        producing.append(1)
        producing.look()
        [tailed] = collect(tail, 1)
        assert tailed.context is not None
        assert tailed.context.number == producing.number
        tail.look()
        for lane in producing.outbox.lanes.values():
            lane.forget_through(lane.last_sequence)
        producing.outbox.forget_contexts()
    assert tail.take_missed() == {}
    for _ in range(2):  # of a context that it kept, and of one that it did not
        producing.append(1)
        producing.number -= CONTEXTS_KEPT
    producing.number += CONTEXTS_KEPT + 1
    producing.append(1)
    producing.look()
    assert len(collect(tail, 2)) == 2
    assert sum(tail.take_missed().values()) == 1


def test_a_change_of_subscription_is_followed(producing: Producing, tail: QueueTail) -> None:
    join(producing, tail)
    producing.open_context()
    producing.append(1)
    producing.look()
    assert [tailed.envelope.context for tailed in collect(tail, 1)] == [2]


def test_complete_rows_need_no_context(producing: Producing, tail: QueueTail) -> None:
    join(producing, tail)
    assert producing.outbox.append_row(b'{"record_type":"gap"}', received_at_ns=1, received_monotonic_ns=1)
    producing.look()
    (tailed,) = collect(tail, 1)
    assert (tailed.envelope.payload, tailed.context) == (b'{"record_type":"gap"}', None)


def test_who_does_not_keep_up_misses_whole_batches_and_knows_how_much(
    producing: Producing, tail: QueueTail
) -> None:
    join(producing, tail)
    payload = b"x" * 4000
    for _ in range(40 * (TAP.sndhwm or 0)):
        producing.append(1, payload)
        producing.look()
        for lane in producing.outbox.lanes.values():
            lane.forget_through(lane.last_sequence)
    sent = 40 * (TAP.sndhwm or 0)
    taken = 0

    def last_one_seen() -> bool:
        nonlocal taken, sent
        passed = tail.receive(0.01)
        taken += len(passed)
        if not passed:
            producing.append(1)
            producing.look()
            sent += 1
        return taken > 0 and any(tailed.envelope.payload == b"{}" for tailed in passed)

    wait_for(last_one_seen, what="an envelope after the hole")
    missed = tail.take_missed()["reader-0"]
    assert missed > 0
    assert missed + taken <= sent
    assert tail.take_missed() == {}


def test_a_burst_beyond_the_limit_is_missed_and_told(producing: Producing, tail: QueueTail) -> None:
    join(producing, tail)
    producing.append(1, b"x" * (COPY_LIMIT_BYTES + 1))
    producing.look()
    producing.append(128)
    producing.look()
    taken = collect(tail, 128)
    assert len(taken) == 128
    assert tail.take_missed() == {"reader-0": 1}


def test_nothing_is_sent_while_nobody_looks_on(tmp_path: Path, producing: Producing) -> None:
    producing.append(100)
    producing.look()
    tail = QueueTail(tmp_path)
    join(producing, tail)
    tail.close()
    another = QueueTail(tmp_path)
    another.look()

    def unsubscribed() -> bool:
        producing.append(1)
        producing.look()
        return not another.receive(0)

    wait_for(unsubscribed, what="the last one to have left, or the next to wait")
    join(producing, another)
    another.close()


def test_a_subscriber_that_floods_us_is_cut_off(producing: Producing, tail: QueueTail) -> None:
    with zmq.Context() as context, context.socket(zmq.SUB) as flood:
        flood.setsockopt(zmq.LINGER, 0)
        flood.connect(f"ipc://{producing.folder / SOCKET_NAME}")
        flood.setsockopt(zmq.SUBSCRIBE, b"t" * 100_000)
        join(producing, tail)
        producing.append(3)
        producing.look()
        assert len(collect(tail, 3)) == 3


def test_new_producers_are_found_and_a_restarted_one_goes_on(tmp_path: Path, tail: QueueTail) -> None:
    first = Producing(tmp_path)
    join(first, tail)
    first.close()
    again = Producing(tmp_path)
    join(again, tail)
    second = Producing(tmp_path, "reader-1")
    join(second, tail)
    assert set(tail.take_missed()) <= {"reader-0"}, "what was appended while it did not listen yet"
    again.close()
    shutil.rmtree(again.folder)
    fresh = Producing(tmp_path, label="second")
    join(fresh, tail)
    fresh.append(1)
    fresh.look()
    assert {tailed.origin.producer for tailed in collect(tail, 1)} == {"reader-0-second"}
    for producer in (second, fresh):
        producer.close()


def forget_all(producing: Producing) -> None:
    """Every writer has acked everything; segments of a MiB or more are deleted by that."""
    for lane in producing.outbox.lanes.values():
        lane.forget_through(lane.last_sequence)
    assert not any(lane.held_bytes > KEPT_SEGMENT_BYTES for lane in producing.outbox.lanes.values())


def test_what_is_durable_and_deleted_between_two_looks_is_seen_all_the_same(
    producing: Producing, tail: QueueTail
) -> None:
    join(producing, tail)
    for _ in range(3):
        producing.append(256, b"x" * 10_000)
        forget_all(producing)
        producing.append(64)
    producing.look()
    taken = collect(tail, 3 * 320)
    numbers = [tailed.envelope.global_message_sequence for tailed in taken]
    assert numbers == list(range(numbers[0], numbers[0] + 3 * 320))
    assert tail.take_missed() == {}


def test_what_goes_beyond_the_limit_between_two_looks_is_missed_not_mixed_up(
    producing: Producing, tail: QueueTail
) -> None:
    join(producing, tail)
    big = b"x" * 3_000_000
    for _ in range(4):
        producing.append(64, b"{}")
        producing.append(1, big)
        forget_all(producing)
    producing.append(128, b"late")
    producing.look()
    producing.append(128, b"later")
    producing.look()
    taken: list[Tailed] = []

    def has_come() -> bool:
        taken.extend(tail.receive(0.01))
        return [tailed.envelope.payload for tailed in taken].count(b"later") == 128

    wait_for(has_come, what="what was appended last")
    assert tail.take_missed()["reader-0"] > 0
    numbers = [tailed.envelope.global_message_sequence for tailed in taken]
    assert numbers == sorted(set(numbers))


def test_who_turns_away_is_sent_nothing_and_finds_out_what_passed_when_it_turns_back(
    producing: Producing, tail: QueueTail
) -> None:
    join(producing, tail)
    tail.turn_away()

    def hears(payload: bytes) -> bool:
        producing.append(1, payload)
        producing.look()
        return bool(tail.receive(0.01))

    wait_for(lambda: not hears(b"unheard"), what="nothing to come any more")
    tail.take_missed()
    producing.append(7, b"unheard")
    producing.look()
    tail.turn_back()
    wait_for(lambda: hears(b"heard"), what="the next ones to come")
    assert tail.take_missed()["reader-0"] >= 7
