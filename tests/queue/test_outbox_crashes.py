"""An outbox through any run of appends, acks, changes of lanes and crashes, against a plain account of it."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from common.core.batch import HEADER_BYTES, LENGTH_BYTES, Batch, decode_envelopes, encode_batch
from common.core.envelope import MESSAGE, ROW
from common.queue.lane import CHUNK_BYTES, Lane
from common.queue.outbox import Outbox
from common.queue.outbox_files import Identity

FRESH = Identity("reader-0-epoch1", "ws_raw")
SIZES = st.sampled_from([0, 1, 90, 3000, 20_000, CHUNK_BYTES - 60, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 << 20])
LIMITS = st.sampled_from([2**30, 2**30, 400_000, 5 << 20])
GARBAGE = st.one_of(st.none(), st.binary(min_size=1, max_size=80))

Kept = tuple[int, int, int, bytes]  # kind, lane sequence, global sequence, payload


class OutboxRun(RuleBasedStateMachine):
    """`kept` is all that each lane ever kept, `acked` what it was told; `refused` what stands in no gap row.

    A crash is a close in the middle: an outbox buffers nothing in memory, so a close writes nothing, and it
    is the only way for one process to let go of the lock. What a death in the middle of an append leaves is
    written behind its back.
    """

    def __init__(self) -> None:
        super().__init__()
        self._root = tempfile.TemporaryDirectory(prefix="outbox-")
        self.folder = Path(self._root.name) / "o"
        self.kept: dict[int, list[Kept]] = {}
        self.acked: dict[int, int] = {}
        self.refused: list[int] = []
        self.global_sequence = self.rows = 0

    @initialize(lanes=st.integers(1, 3), limit_bytes=LIMITS)
    def begin(self, lanes: int, limit_bytes: int) -> None:
        self.active, self.limit_bytes = lanes, limit_bytes
        self.open()

    def open(self) -> None:
        self.outbox = Outbox(self.folder, FRESH, lanes=self.active, limit_bytes=self.limit_bytes)

    @rule(count=st.integers(1, 150), size=SIZES)
    def append_messages(self, count: int, size: int) -> None:
        for _ in range(count if size < 1000 else count % 4 + 1):
            self.append_message(f"{self.global_sequence + 1}:".encode() + bytes(size))

    def append_message(self, payload: bytes) -> None:
        room = self.outbox.held_bytes + HEADER_BYTES + LENGTH_BYTES + len(payload) <= self.limit_bytes
        before = self.lengths()
        kept = self.outbox.append_messages(
            [payload],
            opcode=1,
            context=0,
            message_sequence=1,
            received_at_ns=0,
            received_monotonic_ns=0,
        )
        assert kept == (room and not self.refused)
        self.global_sequence += 1
        assert self.outbox.numbers.newest == self.global_sequence
        if kept:
            self.note(self.grown(before), MESSAGE, self.global_sequence, payload)
        else:
            self.refused.append(self.global_sequence)

    @rule(size=st.sampled_from([2, 500, CHUNK_BYTES]))
    def append_row(self, size: int) -> None:
        row, before = self.new_row(size), self.lengths()
        if self.outbox.append_row(row, received_at_ns=0, received_monotonic_ns=0):
            self.note(self.grown(before), ROW, 0, row)

    @precondition(lambda self: self.refused)
    @rule()
    def declare_the_gap(self) -> None:
        row, before = self.new_row(100), self.lengths()
        if self.outbox.append_gap_row(row, received_at_ns=0, received_monotonic_ns=0):
            self.refused = []
            self.note(self.grown(before), ROW, 0, row)

    def new_row(self, size: int) -> bytes:
        self.rows += 1
        return f"row {self.rows}".encode() + bytes(size)

    def lengths(self) -> dict[int, int]:
        return {index: lane.last_sequence for index, lane in self.outbox.lanes.items()}

    def grown(self, before: dict[int, int]) -> int:
        [index] = [index for index, last in self.lengths().items() if last != before[index]]
        assert index < self.active
        return index

    def note(self, index: int, kind: int, global_sequence: int, payload: bytes) -> None:
        lane = self.kept.setdefault(index, [])
        lane.append((kind, len(lane) + 1, global_sequence, payload))

    @rule(index=st.integers(0, 2), share=st.floats(0, 1))
    def ack(self, index: int, share: float) -> None:
        if index in self.outbox.lanes:
            acked, last = self.acked.get(index, 0), len(self.kept.get(index, []))
            self.acked[index] = acked + round(share * (last - acked))
            self.outbox.lanes[index].forget_through(self.acked[index])

    @rule(count=st.integers(1, 3))
    def set_lanes(self, count: int) -> None:
        self.outbox.set_lanes(count)
        self.active = count
        for index in self.outbox.lanes:
            drained = self.acked.get(index, 0) == len(self.kept.get(index, []))
            assert self.outbox.is_retired(index) == (index >= count and drained)

    @rule(index=st.integers(0, 2), size=SIZES, cut=st.floats(0, 1), garbage=GARBAGE)
    def crash_in_an_append(self, index: int, size: int, cut: float, garbage: bytes | None) -> None:
        index %= self.active
        self.outbox.close(finished=False)
        kind, number = (ROW, 0) if self.refused else (MESSAGE, self.global_sequence + 1)
        payload = self.new_row(size) if self.refused else f"{number}:".encode() + bytes(size)
        sequence = len(self.kept.get(index, [])) + 1
        record = encode_batch(Batch(kind, sequence, 1, number, 0, 0, 0, 1, [payload]))
        written = record[: round(cut * len(record))] if garbage is None else garbage
        with self.newest_segment(index, sequence).open("ab") as file:
            file.write(written)
        if written == record:  # whole, though its numbers were not noted any more
            self.note(index, kind, number, payload)
            self.global_sequence = max(self.global_sequence, number)
        self.open()
        self.check()

    def newest_segment(self, index: int, sequence: int) -> Path:
        folder = self.folder / f"lane-{index}"
        return max(folder.glob("*.segment"), default=folder / f"{sequence:020d}.segment")

    @rule()
    def crash_between_appends(self) -> None:
        self.outbox.close(finished=False)
        self.open()
        self.check()

    def check(self) -> None:
        assert self.outbox.numbers.newest == self.global_sequence
        assert list(self.outbox.undeclared) == self.refused
        for index, lane in self.outbox.lanes.items():
            self.check_lane(lane, self.kept.get(index, []), self.acked.get(index, 0))
        numbers = [number for lane in self.kept.values() for _, _, number, _ in lane if number]
        assert len(numbers) == len(set(numbers))

    def check_lane(self, lane: Lane, kept: list[Kept], acked: int) -> None:
        assert (lane.last_sequence, lane.acked) == (len(kept), acked)
        held = [
            (envelope.kind, envelope.lane_sequence, envelope.global_message_sequence, envelope.payload)
            for chunk in lane.chunks
            for envelope in decode_envelopes(chunk.segment.read(chunk.offset, chunk.length))
        ]
        assert held == kept[len(kept) - len(held) :]
        assert len(held) >= len(kept) - acked
        assert all(chunk.first > acked for chunk in list(lane.chunks)[1:])
        assert all(chunk.last > acked for chunk in lane.chunks), "only the first may hold what was acked"

    def teardown(self) -> None:
        if hasattr(self, "outbox"):
            self.check()
            self.outbox.close(finished=False)
        self._root.cleanup()


def test_what_was_not_acked_is_kept_once_and_in_order_through_any_run_of_crashes() -> None:
    run_state_machine_as_test(OutboxRun, settings=settings(max_examples=50, stateful_step_count=30))
