"""Archives and an outbox that disagree come to one outcome, whichever of the two is the older one."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zmq

from common.core.envelope import MESSAGE, ROW, Envelope
from common.errors import ConfigError, SupersededError
from common.feed.recording import Recording
from common.queue.lane_client import LaneClient
from common.queue.lane_server import LaneServer
from common.queue.outbox import Outbox
from common.queue.outbox_files import Identity, Outage, take_outage_of_superseded
from common.queue.protocol import PROTOCOL_VERSION, Hello, encode
from common.version import PROGRAM_VERSION
from tests.feed.test_recording import UP, URL, at
from tests.queue.test_lanes import envelopes_of
from tests.waiting import wait_for

FRESH = Identity("reader-0-a", "ws_raw", program_version=PROGRAM_VERSION)
BIG = b"x" * 3_000_000  # a few of them fill a segment, which is then forgotten with its acks


class Between:
    """A recording producer and a writer's end, both in this process."""

    def __init__(self, folder: Path, *, lanes: int = 1) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.folder = folder
        self.outbox = Outbox(folder, FRESH, lanes=lanes, limit_bytes=2**30)
        self.recording = Recording(self.outbox, at(100))
        self.server = LaneServer(self.context, self.outbox)
        self.clients: list[LaneClient] = []

    def open_session(self) -> None:
        number = self.outbox.numbers.next_connection()
        self.recording.open_session(f"reader-0-a-c{number}", URL, (UP,), at(200), {})

    def receive(self, *payloads: bytes) -> None:
        for payload in payloads:
            self.recording.messages([payload], 1, at(201))

    def client(self, *, durable: int, number: int = 0, lane: int = 0) -> LaneClient:
        client = LaneClient(
            self.context,
            endpoint=f"ipc://{self.folder / 'queue.sock'}",
            producer=FRESH.producer,
            lane=lane,
            durable=durable,
            number=number,
            now_monotonic_ns=0,
        )
        self.clients.append(client)
        return client

    def serve(self) -> None:
        self.recording.catch_up(at(300))
        self.server.serve()

    def make_durable(self, through: int) -> None:
        client = self.client(durable=0)
        taken: list[Envelope] = []

        def done() -> bool:
            self.serve()
            taken.extend(envelopes_of(client.receive(0)))
            if taken:
                client.ack(min(taken[-1].lane_sequence, through))
            return self.outbox.lanes[0].acked == through

        wait_for(done, what="acks")
        client.close()

    def take_all(self, client: LaneClient) -> tuple[list[Envelope], list[int]]:
        """Everything that a writer gets, and up to where it was told that nothing more comes."""
        taken: list[Envelope] = []
        missing: list[int] = []

        def complete() -> bool:
            self.serve()
            taken.extend(envelopes_of(client.receive(0)))
            if (through := client.take_missing()) is not None:
                missing.append(through)
            return bool(taken) and taken[-1].lane_sequence == self.outbox.lanes[0].last_sequence

        wait_for(complete, what="all that is held")
        return taken, missing

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.server.close()
        self.context.term()


@pytest.fixture
def between(tmp_path: Path) -> Iterator[Between]:
    between = Between(tmp_path / "o")
    yield between
    between.close()


def test_archives_that_are_behind_get_again_what_the_outbox_still_holds(between: Between) -> None:
    between.open_session()
    between.receive(b"one", b"two", b"three")
    between.make_durable(3)
    taken, missing = between.take_all(between.client(durable=1, number=0))
    assert [envelope.payload for envelope in taken] == [b"one", b"two", b"three"]
    assert missing == []
    assert between.recording.gaps_declared.total() == 0


def test_what_the_outbox_has_forgotten_is_declared_by_its_exact_numbers(between: Between) -> None:
    between.open_session()
    between.receive(*[BIG] * 5, b"six", b"seven")  # the first three and the row before them fill a segment
    between.make_durable(5)
    taken, missing = between.take_all(between.client(durable=2, number=1))
    lost_through = taken[0].lane_sequence - 1
    assert lost_through >= 3
    assert missing == [lost_through]
    rows = [json.loads(envelope.payload) for envelope in taken if envelope.kind != MESSAGE]
    [gap] = [row["gap"] for row in rows if row["record_type"] == "gap"]
    first_kept = next(each for each in taken if each.kind == MESSAGE).global_message_sequence
    assert gap == {
        "cause": "archives_missing",
        "from_utc": gap["from_utc"],
        "to_utc": "1970-01-01T00:03:21.000000Z",
        "lane": 0,
        "first_lane_sequence": 3,
        "last_lane_sequence": lost_through,
        "first_global_message_sequence": 2,
        "last_global_message_sequence": first_kept - 1,
    }
    kept = {each.global_message_sequence for each in taken if each.kind == MESSAGE}
    assert kept == set(range(first_kept, 8))


def test_what_is_lost_is_declared_before_the_lane_goes_on_and_once(between: Between) -> None:
    between.open_session()
    between.receive(*[BIG] * 5)
    between.make_durable(5)
    client = between.client(durable=0)

    def came_to_terms() -> bool:
        between.server.serve()
        return bool(between.outbox.agreement.lost)

    wait_for(came_to_terms, what="the hello")
    between.server.serve()
    assert client.receive(0) is None, "nothing is sent before the gap row is kept"
    between.take_all(client)
    again = between.client(durable=0)
    between.take_all(again)
    assert between.recording.gaps_declared.total() == 1
    client.ack(5)  # it is fenced: the lane has another owner


def test_archives_that_never_heard_of_an_outbox_begin_with_what_it_holds(between: Between) -> None:
    between.open_session()
    between.make_durable(1)
    taken, missing = between.take_all(between.client(durable=0))
    assert ([each.kind for each in taken], missing) == ([ROW], [])


def test_an_outbox_of_an_earlier_life_than_the_archives_makes_room_for_a_new_one(between: Between) -> None:
    between.open_session()
    between.receive(b"one")
    between.client(durable=50, number=49)
    with pytest.raises(SupersededError, match="which hold lane 0 up to 50 and not 2"):
        wait_for(between.server.serve, what="the hello")
    between.outbox.close(finished=False)
    assert take_outage_of_superseded(between.folder) == Outage(200 * 10**9, "spool_superseded")
    assert not between.folder.exists()
    assert take_outage_of_superseded(between.folder) is None


def test_archives_can_tell_beforehand_that_an_outbox_is_older(between: Between) -> None:
    between.open_session()
    assert not between.outbox.agreement.is_older_than({0: 1})
    assert between.outbox.agreement.is_older_than({0: 2})
    assert between.outbox.agreement.is_older_than({3: 1})


def test_a_writer_of_a_newer_version_is_not_served_and_the_log_says_what_to_do(
    between: Between, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = between.context.socket(zmq.DEALER)
    stranger.connect(f"ipc://{between.folder / 'queue.sock'}")
    stranger.send(encode(Hello(FRESH.producer, 0, 1, version=PROTOCOL_VERSION + 1)))

    def refused() -> bool:
        between.server.serve()
        return "start the whole recorder again" in caplog.text

    wait_for(refused, what="a refusal")
    assert not between.server.owned_lanes
    stranger.close()


def test_an_outbox_of_a_newer_format_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "o"
    outbox = Outbox(folder, FRESH, lanes=1, limit_bytes=2**30)
    outbox.append_row(b"{}", received_at_ns=1, received_monotonic_ns=1)
    outbox.close(finished=False)
    [segment] = folder.glob("lane-0/*.segment")
    segment.write_bytes(b"encoded as only a newer version knows")
    newer = msgspec.structs.replace(FRESH, format_version=2)
    (folder / "identity.json").write_bytes(msgspec.json.encode(newer))
    with pytest.raises(ConfigError, match=r"format_version is 2.* knows 1 at most"):
        Outbox(folder, FRESH, lanes=1, limit_bytes=2**30)
    assert segment.read_bytes() == b"encoded as only a newer version knows"


def test_an_outbox_written_before_there_were_versions_is_taken_over(tmp_path: Path) -> None:
    folder = tmp_path / "o"
    outbox = Outbox(folder, FRESH, lanes=1, limit_bytes=2**30)
    outbox.append_row(b"{}", received_at_ns=1, received_monotonic_ns=1)
    outbox.close(finished=False)
    (folder / "identity.json").write_text('{"producer":"reader-0-old","stream":"ws_raw"}')
    again = Outbox(folder, FRESH, lanes=1, limit_bytes=2**30)
    assert (again.identity.producer, again.identity.format_version, again.backlog) == ("reader-0-old", 1, 1)
