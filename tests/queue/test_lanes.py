import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from common.core.batch import Batch
from common.core.envelope import Envelope
from common.queue.lane_client import SILENCE_NS, LaneClient
from common.queue.lane_server import WINDOW_BYTES, LaneServer
from common.queue.outbox import Outbox
from common.queue.outbox_files import Identity
from common.queue.protocol import CONTEXTS_KEPT, Ack, Data, Hello, encode
from tests.contexts import open_context
from tests.waiting import wait_for

FRESH = Identity("reader-0-epoch1", "ws_raw")


class Ends:
    """A producer's end with an outbox, and writers' ends on it, all in this process."""

    def __init__(self, folder: Path) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.folder = folder
        self.outbox = Outbox(folder, FRESH, lanes=2, limit_bytes=2**30)
        self.server = LaneServer(self.context, self.outbox)
        self.clients: list[LaneClient] = []
        self.now_ns = 0
        self.number = open_context(self.outbox)

    def client(self, *, lane: int = 0, durable: int = 0) -> LaneClient:
        client = LaneClient(
            self.context,
            endpoint=f"ipc://{self.folder / 'queue.sock'}",
            producer=FRESH.producer,
            lane=lane,
            durable=durable,
            now_monotonic_ns=self.now_ns,
        )
        self.clients.append(client)
        return client

    def append(self, payload: bytes) -> None:
        assert self.outbox.append_messages(
            [payload],
            opcode=1,
            context=self.number,
            message_sequence=1,
            received_at_ns=0,
            received_monotonic_ns=0,
        )

    def take(self, client: LaneClient, count: int) -> list[Envelope]:
        taken: list[Envelope] = []

        def enough() -> bool:
            self.server.serve()
            taken.extend(envelopes_of(client.receive(self.now_ns)))
            return len(taken) >= count

        wait_for(enough, what=f"{count} envelopes, have {len(taken)}")
        return taken

    def serve_until(self, backlog: int) -> None:
        def reached() -> bool:
            self.server.serve()
            return self.outbox.backlog == backlog

        wait_for(reached, what=f"a backlog of {backlog}")

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.server.close()
        self.context.term()


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    ends = Ends(tmp_path / "o")
    yield ends
    ends.close()


def envelopes_of(batches: list[Batch] | None) -> list[Envelope]:
    return [envelope for batch in batches or [] for envelope in batch.envelopes()]


def payloads(envelopes: list[Envelope]) -> list[bytes]:
    return [envelope.payload for envelope in envelopes]


def test_a_writer_gets_every_envelope_in_order_with_its_context(ends: Ends) -> None:
    client = ends.client()
    ends.append(b"one")
    ends.append(b"two")
    taken = ends.take(client, 2)
    assert payloads(taken) == [b"one", b"two"]
    assert client.contexts[taken[0].context].session_id == "s"


def test_a_writer_keeps_the_contexts_that_came_last_and_gets_again_what_it_forgot(ends: Ends) -> None:
    client, first = ends.client(), ends.number
    ends.outbox.set_lanes(1)
    for payload in range(3 * CONTEXTS_KEPT):
        ends.append(b"%d" % payload)
        ends.number = open_context(ends.outbox)
        for envelope in ends.take(client, 1):
            assert client.contexts[envelope.context].number == envelope.context
    assert len(client.contexts) == CONTEXTS_KEPT
    assert first not in client.contexts
    for number in (first, ends.number, first + 1, first):
        ends.number = number
        ends.append(b"again")
        [envelope] = ends.take(client, 1)
        assert client.contexts[envelope.context].number == number
    assert len(client.contexts) == CONTEXTS_KEPT


def test_an_ack_makes_the_outbox_forget(ends: Ends) -> None:
    client = ends.client()
    ends.append(b"one")
    ends.append(b"two")
    ends.take(client, 2)
    assert ends.outbox.backlog == 2
    client.ack(1)
    ends.serve_until(backlog=1)
    client.ack(2)
    ends.serve_until(backlog=0)


def test_a_successor_gets_again_what_was_not_durable_and_nothing_else(ends: Ends) -> None:
    first = ends.client()
    for number in range(5):
        ends.append(str(number).encode())
    ends.take(first, 5)
    first.ack(2)
    ends.serve_until(backlog=3)
    assert payloads(ends.take(ends.client(durable=2), 3)) == [b"2", b"3", b"4"]


def test_a_hello_carries_what_the_lost_ack_would_have_said(ends: Ends) -> None:
    first = ends.client()
    ends.append(b"one")
    ends.append(b"two")
    ends.take(first, 2)
    first.close()
    ends.client(durable=2)
    ends.serve_until(backlog=0)


def test_acks_of_a_replaced_owner_are_ignored(ends: Ends) -> None:
    old = ends.client()
    ends.append(b"one")
    ends.take(old, 1)
    new = ends.client()
    ends.take(new, 1)
    old.ack(1)
    ends.append(b"two")
    assert payloads(ends.take(new, 1)) == [b"two"]
    assert ends.outbox.backlog == 2
    new.ack(2)
    ends.serve_until(backlog=0)


def test_a_writer_that_connects_anew_before_its_old_connection_was_seen_to_end_is_served(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "token_bytes", lambda _count: b"the same")
    ends.append(b"one")
    ends.take(ends.client(), 1)
    again = ends.client()
    ends.append(b"two")
    assert payloads(ends.take(again, 2)) == [b"one", b"two"]
    again.ack(2)
    ends.serve_until(backlog=0)


def test_lanes_are_independent(ends: Ends) -> None:
    for number in range(200):
        ends.append(str(number).encode())
    first, second = ends.client(lane=0), ends.client(lane=1)
    taken = [*ends.take(first, 64), *ends.take(second, 64)]
    assert sorted(int(payload) for payload in payloads(taken))[:128] == list(range(128))
    assert ends.server.owned_lanes == {0, 1}


def test_what_is_on_its_way_is_bounded_and_goes_on_when_it_arrives(ends: Ends) -> None:
    client = ends.client(lane=0)
    piece = bytes(512 * 1024)
    for _ in range(100):
        ends.append(piece)
    for _ in range(50):
        ends.server.serve()
    taken = []
    while (came := client.receive(ends.now_ns)) is not None:
        taken += envelopes_of(came)
    assert len(taken) <= WINDOW_BYTES // len(piece) + 1
    ends.take(client, 60 - len(taken))  # that it arrived is enough to go on
    assert ends.outbox.backlog == 100
    client.ack(60)
    ends.serve_until(backlog=40)


def test_a_hello_for_an_outbox_that_is_no_more_changes_nothing(ends: Ends) -> None:
    ends.append(b"one")
    stranger = ends.context.socket(zmq.DEALER)
    stranger.connect(f"ipc://{ends.folder / 'queue.sock'}")
    stranger.send(encode(Hello("reader-0-other", 0, 2)))
    stranger.send(encode(Hello(FRESH.producer, 7, 2)))
    stranger.send(b"not a message")
    stranger.send_multipart([b"two", b"frames"])
    stranger.send(encode(Ack(0, 1)))
    client = ends.client()
    assert payloads(ends.take(client, 1)) == [b"one"]
    stranger.close()


class LossyProducer:
    """A producer's socket without an outbox: the test decides what gets through."""

    def __init__(self, folder: Path) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        endpoint = f"ipc://{folder / 'q'}"
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.bind(endpoint)
        self.client = LaneClient(
            self.context, endpoint=endpoint, producer="p", lane=3, durable=4, now_monotonic_ns=0
        )
        self.address, hello = self.socket.recv_multipart()
        assert hello == encode(Hello("p", 3, 5))

    def close(self) -> None:
        self.client.close()
        self.socket.close()
        self.context.term()


@pytest.fixture
def lossy(tmp_path: Path) -> Iterator[LossyProducer]:
    lossy = LossyProducer(tmp_path)
    yield lossy
    lossy.close()


def test_after_a_silence_a_writer_says_hello_again(lossy: LossyProducer) -> None:
    assert lossy.client.receive(SILENCE_NS) is None
    assert not lossy.socket.poll(50)
    assert lossy.client.receive(SILENCE_NS + 1) is None
    assert lossy.socket.recv_multipart() == [lossy.address, encode(Hello("p", 3, 5))]


def test_a_writer_that_says_hello_again_does_not_ack_what_it_only_received(ends: Ends) -> None:
    first = ends.client()
    ends.append(b"one")
    ends.take(first, 1)
    assert first.receive(SILENCE_NS + 1) is None
    ends.append(b"two")
    assert payloads(ends.take(first, 1)) == [b"two"]
    first.close()
    assert payloads(ends.take(ends.client(), 2)) == [b"one", b"two"]


def test_a_chunk_behind_a_hole_is_not_taken_but_asked_for_again(lossy: LossyProducer) -> None:
    lossy.socket.send_multipart([lossy.address, encode(Data(6, 6)), b"whatever"])
    wait_for(lambda: lossy.client.receive(0) == [], what="the chunk behind the hole")
    assert lossy.socket.recv_multipart() == [lossy.address, encode(Hello("p", 3, 5))]


def test_a_writer_that_vanished_is_forgotten(ends: Ends) -> None:
    client = ends.client()
    ends.append(b"one")
    ends.take(client, 1)
    client.close()

    def forgotten() -> bool:
        ends.append(b"more")
        ends.server.serve()
        return not ends.server.owned_lanes

    wait_for(forgotten, what="the owner to be dropped")
    assert payloads(ends.take(ends.client(), 1))[0] == b"one"
