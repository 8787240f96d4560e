"""Writers and producers that die and come back in any order: an archive gets every payload once, in order."""

import tempfile
from pathlib import Path

import zmq
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from common.core.envelope import Envelope
from common.queue.lane_client import SILENCE_NS, LaneClient
from common.queue.lane_server import LaneServer
from common.queue.outbox import Outbox
from common.queue.outbox_files import Identity
from common.queue.turns import LANE_BLOCK
from tests.contexts import open_context
from tests.waiting import wait_for

FRESH = Identity("reader-0-epoch1", "ws_raw")
LANES = 2
LANE = st.integers(0, LANES - 1)


class Writer:
    """One owner of a lane: what it was sent and has not committed is lost when it dies."""

    def __init__(self, client: LaneClient, durable: int) -> None:
        self.client = client
        self.durable = durable
        self.uncommitted: list[Envelope] = []

    def receive(self, now_ns: int) -> bool:
        """Take one chunk, if there is one; a store would refuse what does not follow."""
        taken = self.client.receive(now_ns) or []
        for envelope in (envelope for batch in taken for envelope in batch.envelopes()):
            assert envelope.lane_sequence == self.received + 1
            assert self.client.contexts[envelope.context].session_id == "s"
            self.uncommitted.append(envelope)
        return bool(taken)

    @property
    def received(self) -> int:
        return self.durable + len(self.uncommitted)


class LaneRun(RuleBasedStateMachine):
    """`appended` and `archives` tell for each lane what was to be recorded, and what its owners committed."""

    def __init__(self) -> None:
        super().__init__()
        self._root = tempfile.TemporaryDirectory(prefix="lanes-")
        self.folder = Path(self._root.name) / "o"
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.now_ns = 0
        self.number = 0
        self.appended: list[list[bytes]] = [[] for _ in range(LANES)]
        self.archives: list[list[bytes]] = [[] for _ in range(LANES)]
        self.replaced: list[tuple[int, Writer]] = []
        self.begin_producer()
        self.session = open_context(self.outbox)
        self.writers = [self.new_writer(lane) for lane in range(LANES)]

    def begin_producer(self) -> None:
        self.outbox = Outbox(self.folder, FRESH, lanes=LANES, limit_bytes=2**30)
        self.last_lane = 0
        self.server = LaneServer(self.context, self.outbox)

    def new_writer(self, lane: int) -> Writer:
        durable = len(self.archives[lane])
        client = LaneClient(
            self.context,
            endpoint=f"ipc://{self.folder / 'queue.sock'}",
            producer=FRESH.producer,
            lane=lane,
            durable=durable,
            now_monotonic_ns=self.now_ns,
        )
        return Writer(client, durable)

    @rule(
        times=st.integers(1, 20),
        together=st.integers(1, LANE_BLOCK),
        size=st.sampled_from([0, 300, 30_000]),
    )
    def append(self, times: int, together: int, size: int) -> None:
        for _ in range(times if size < 1000 else 1):
            self.append_once(together if size < 1000 else together % 8 + 1, size)

    def append_once(self, together: int, size: int) -> None:
        before = [self.outbox.lanes[lane].last_sequence for lane in range(LANES)]
        payloads = [f"{self.number + each}:".encode() + bytes(size) for each in range(1, together + 1)]
        assert self.outbox.append_messages(
            payloads,
            opcode=1,
            context=self.session,
            message_sequence=self.number + 1,
            received_at_ns=0,
            received_monotonic_ns=0,
        )
        self.number += together
        grown = {lane: self.outbox.lanes[lane].last_sequence - before[lane] for lane in range(LANES)}
        # No more than a block: what did not fit into the block of the lane of the last ones went to another lane.
        for lane in sorted((lane for lane in grown if grown[lane]), key=lambda lane: lane != self.last_lane):
            self.appended[lane] += payloads[: grown[lane]]
            payloads = payloads[grown[lane] :]
            self.last_lane = lane

    @rule(times=st.integers(1, 3))
    def serve(self, times: int) -> None:
        for _ in range(times):
            self.server.serve()

    @rule(lane=LANE, times=st.integers(1, 5))
    def receive(self, lane: int, times: int) -> None:
        for _ in range(times):
            self.writers[lane].receive(self.now_ns)

    @rule(lane=LANE)
    def receive_all_that_is_there(self, lane: int) -> None:
        """Nothing follows what was received, whatever the sockets' own threads were about to do."""
        writer = self.writers[lane]
        if len(self.appended[lane]) > writer.received:
            self.pump(lane, len(self.appended[lane]))

    def pump(self, lane: int, received: int) -> None:
        writer = self.writers[lane]

        def enough() -> bool:
            self.now_ns += SILENCE_NS // 20
            self.server.serve()
            while writer.receive(self.now_ns):
                pass
            return writer.received >= received

        wait_for(enough, what=f"{received} envelopes of lane {lane}", timeout_s=5)

    @rule(lane=LANE)
    def say_hello_again(self, lane: int) -> None:
        """Silence for too long: whatever is still on its way comes first, or the writer says hello."""
        self.now_ns += SILENCE_NS + 1
        self.writers[lane].receive(self.now_ns)

    @rule(lane=LANE)
    def commit(self, lane: int) -> None:
        writer = self.writers[lane]
        self.archives[lane] += [envelope.payload for envelope in writer.uncommitted]
        writer.durable, writer.uncommitted = writer.received, []
        writer.client.ack(writer.durable)

    @rule(lane=LANE, in_a_commit=st.booleans())
    def a_writer_dies(self, lane: int, *, in_a_commit: bool) -> None:
        writer = self.writers[lane]
        if in_a_commit:  # durable, and its ack was never sent
            self.archives[lane] += [envelope.payload for envelope in writer.uncommitted]
        writer.client.close()
        self.writers[lane] = self.new_writer(lane)

    @rule(same_writers=st.booleans(), torn=st.binary(max_size=20))
    def the_producer_dies(self, *, same_writers: bool, torn: bytes) -> None:
        self.server.close()
        self.outbox.close(finished=False)  # buffers nothing: only lets go of the lock, as a death would
        for segment in self.folder.glob("lane-0/*.segment"):
            with segment.open("ab") as file:
                file.write(torn)
        self.begin_producer()
        if not same_writers:
            for lane in range(LANES):
                self.a_writer_dies(lane, in_a_commit=False)

    @rule(lane=LANE)
    def a_second_writer_claims_a_lane(self, lane: int) -> None:
        """The first one lives on, and is replaced as soon as the second gets something."""
        while len(self.appended[lane]) == len(self.archives[lane]):
            self.append(1, LANE_BLOCK, 0)
        self.receive_all_that_is_there(lane)  # no hello of the first one is on its way any more
        self.replaced.append((lane, self.writers[lane]))
        self.writers[lane] = self.new_writer(lane)
        self.pump(lane, len(self.archives[lane]) + 1)

    @precondition(lambda self: self.replaced)
    @rule(index=st.integers(0, 9), beyond=st.integers(0, 500))
    def a_replaced_writer_acks_all_the_same(self, index: int, beyond: int) -> None:
        _, writer = self.replaced[index % len(self.replaced)]
        writer.receive(0)  # for it no time passes: it does not claim the lane again
        writer.client.ack(writer.received + beyond)

    def teardown(self) -> None:
        for lane in range(LANES):
            self.receive_all_that_is_there(lane)
            self.commit(lane)
            assert self.archives[lane] == self.appended[lane]
        wait_for(self.is_drained, what="the last acks")
        for client in [each.client for each in self.writers] + [each.client for _, each in self.replaced]:
            client.close()
        self.server.close()
        self.outbox.close(finished=True)
        assert not self.folder.exists()
        self.context.term()
        self._root.cleanup()

    def is_drained(self) -> bool:
        """An ack may have been lost with its producer: the hello after a silence says it again."""
        self.now_ns += SILENCE_NS // 4
        for writer in self.writers:
            writer.client.receive(self.now_ns)
        self.server.serve()
        return self.outbox.backlog == 0


def test_every_payload_is_archived_once_and_in_order_whoever_dies() -> None:
    run_state_machine_as_test(LaneRun, settings=settings(max_examples=30, stateful_step_count=25))
