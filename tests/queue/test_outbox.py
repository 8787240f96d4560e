import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.core.batch import HEADER_BYTES, LENGTH_BYTES, decode_envelopes
from common.core.envelope import MESSAGE, ROW, Envelope
from common.errors import AlreadyRunningError
from common.locks import is_locked
from common.queue.lane import SEGMENT_BYTES
from common.queue.outbox import ROW_HEADROOM_BYTES, Outbox
from common.queue.outbox_files import Identity, identities_in
from common.queue.turns import LANE_BLOCK
from common.version import PROGRAM_VERSION
from tests.contexts import open_context

FRESH = Identity("reader-0-epoch1", "ws_raw", program_version=PROGRAM_VERSION)


def open_outbox(folder: Path, *, lanes: int = 1, limit_bytes: int = 2**30) -> Outbox:
    return Outbox(folder, FRESH, lanes=lanes, limit_bytes=limit_bytes)


def append(outbox: Outbox, payload: bytes, context: int = 1) -> bool:
    return outbox.append_messages(
        [payload],
        opcode=1,
        context=context,
        message_sequence=1,
        received_at_ns=5,
        received_monotonic_ns=6,
    )


def kept(outbox: Outbox, lane: int = 0) -> list[Envelope]:
    return [
        envelope
        for chunk in outbox.lanes[lane].chunks
        for envelope in decode_envelopes(chunk.segment.read(chunk.offset, chunk.length))
    ]


def test_messages_and_rows_are_kept_in_order_with_dense_sequences(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    assert append(outbox, b"one")
    assert outbox.append_row(b"{}", received_at_ns=7, received_monotonic_ns=8)
    assert append(outbox, b"two")
    assert [
        (envelope.kind, envelope.lane_sequence, envelope.global_message_sequence, envelope.payload)
        for envelope in kept(outbox)
    ] == [(MESSAGE, 1, 1, b"one"), (ROW, 2, 0, b"{}"), (MESSAGE, 3, 2, b"two")]


def test_an_outbox_whose_process_died_goes_on_where_it_was(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    open_context(outbox)
    append(outbox, b"one")
    append(outbox, b"two")
    outbox.lanes[0].forget_through(1)
    outbox.close(finished=False)
    again = Outbox(tmp_path / "o", Identity("other", "ws_raw"), lanes=1, limit_bytes=2**30)
    assert again.identity == FRESH
    assert again.files.contexts[1].session_id == "s"
    append(again, b"three")
    assert [envelope.payload for envelope in kept(again)][-2:] == [b"two", b"three"]
    assert again.numbers.newest == 3
    assert again.lanes[0].last_sequence == 3
    assert again.backlog == 2


def test_an_outbox_remembers_the_data_root_that_it_is_for(tmp_path: Path) -> None:
    mine = Identity("mine", "ws_raw", "simulated", "root-a", program_version=PROGRAM_VERSION)
    Outbox(tmp_path / "o", mine, lanes=1, limit_bytes=2**30).close(finished=False)
    later = Identity("later", "ws_raw", "live", "root-b")
    assert Outbox(tmp_path / "o", later, lanes=1, limit_bytes=2**30).identity == mine
    assert identities_in(tmp_path) == [mine]


def test_an_outbox_of_an_older_version_is_for_the_data_root_on_which_it_is_opened(tmp_path: Path) -> None:
    Outbox(tmp_path / "o", FRESH, lanes=1, limit_bytes=2**30).close(finished=False)
    (tmp_path / "o" / "identity.json").write_text('{"producer":"old","stream":"ws_raw"}')
    fresh = Identity("fresh", "ws_raw", "simulated", "root-a")
    again = Outbox(tmp_path / "o", fresh, lanes=1, limit_bytes=2**30)
    expected = Identity("old", "ws_raw", "simulated", "root-a", program_version=PROGRAM_VERSION)
    assert again.identity == expected == identities_in(tmp_path)[0]


def test_a_record_torn_by_the_death_of_its_process_is_cut_off(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    append(outbox, b"one")
    outbox.close(finished=False)
    [segment] = (tmp_path / "o" / "lane-0").glob("*.segment")
    with segment.open("ab") as file:
        file.write(b"\x40\x00\x00")
    again = open_outbox(tmp_path / "o")
    append(again, b"two")
    assert [envelope.payload for envelope in kept(again)] == [b"one", b"two"]


def test_a_finished_empty_outbox_leaves_nothing_behind(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    append(outbox, b"one")
    outbox.lanes[0].forget_through(1)
    outbox.close(finished=True)
    assert not (tmp_path / "o").exists()


def test_a_finished_outbox_with_a_backlog_stays_for_its_successor(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    append(outbox, b"one")
    outbox.close(finished=True)
    assert kept(open_outbox(tmp_path / "o"))[0].payload == b"one"


def test_sequences_go_on_after_everything_was_acknowledged(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    append(outbox, b"one")
    outbox.lanes[0].forget_through(1)
    outbox.close(finished=False)
    again = open_outbox(tmp_path / "o")
    append(again, b"two")
    assert (again.lanes[0].last_sequence, again.numbers.newest) == (2, 2)


def test_acknowledged_segments_are_deleted(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    for _ in range(20):
        append(outbox, bytes(1024 * 1024))
    assert len(list((tmp_path / "o" / "lane-0").glob("*.segment"))) == 3
    assert outbox.held_bytes > 2 * SEGMENT_BYTES
    outbox.lanes[0].forget_through(19)
    assert len(list((tmp_path / "o" / "lane-0").glob("*.segment"))) == 1
    assert [envelope.lane_sequence for envelope in kept(outbox)] == [20]
    outbox.lanes[0].forget_through(20)
    assert outbox.backlog == 0


def test_messages_go_to_the_lanes_in_blocks(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o", lanes=2)
    for number in range(4 * LANE_BLOCK):
        append(outbox, str(number).encode())
    first, second = kept(outbox, 0), kept(outbox, 1)
    assert [int(envelope.payload) for envelope in first] == [
        *range(LANE_BLOCK),
        *range(2 * LANE_BLOCK, 3 * LANE_BLOCK),
    ]
    assert len(second) == 2 * LANE_BLOCK
    assert [envelope.lane_sequence for envelope in second] == list(range(1, 2 * LANE_BLOCK + 1))


def test_a_lane_that_is_far_behind_is_passed_over(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o", lanes=2)
    for _ in range(40 * LANE_BLOCK):
        append(outbox, b"x")
        outbox.lanes[1].forget_through(outbox.lanes[1].last_sequence)
    assert outbox.lanes[0].backlog < 10 * LANE_BLOCK
    assert outbox.lanes[1].last_sequence > 30 * LANE_BLOCK


def test_a_full_outbox_numbers_what_it_refuses_until_the_gap_is_declared(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o", limit_bytes=4 * ROW_HEADROOM_BYTES)
    payload = bytes(ROW_HEADROOM_BYTES)
    assert [append(outbox, payload) for _ in range(6)] == [True, True, True, False, False, False]
    assert outbox.undeclared == range(4, 7)
    assert not outbox.has_room
    outbox.lanes[0].forget_through(3)
    assert not append(outbox, b"small"), "nothing is kept before the gap is declared"
    assert outbox.append_gap_row(b'{"gap":1}', received_at_ns=0, received_monotonic_ns=0)
    assert append(outbox, b"small")
    assert [envelope.global_message_sequence for envelope in kept(outbox)][-2:] == [0, 8]


def test_what_was_refused_is_still_to_be_declared_after_the_process_died(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o", limit_bytes=2000)
    append(outbox, bytes(1500))
    append(outbox, bytes(1500))
    outbox.close(finished=False)
    assert open_outbox(tmp_path / "o").undeclared == range(2, 3)


def test_a_second_process_cannot_open_the_same_outbox(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    assert is_locked(tmp_path / "o" / "lock")
    with pytest.raises(AlreadyRunningError, match="outbox o"):
        open_outbox(tmp_path / "o")
    outbox.close(finished=False)
    assert not is_locked(tmp_path / "o" / "lock")
    assert not is_locked(tmp_path / "nowhere")


def test_contexts_are_forgotten_once_nothing_refers_to_them(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    for number in (1, 2, 3):
        outbox.open_context(
            session_id=f"s{number}",
            connection_sequence=number,
            url="ws://x",
            subscription_json=b"{}",
            tokens_tracked_json=b"[]",
        )
        append(outbox, b"x", context=number)
    outbox.lanes[0].forget_through(1)
    outbox.forget_contexts()
    assert sorted(outbox.files.contexts) == [2, 3]
    outbox.lanes[0].forget_through(3)
    outbox.forget_contexts()
    assert sorted(outbox.files.contexts) == [3]
    assert [path.name for path in (tmp_path / "o").glob("context-*")] == ["context-3.json"]


@given(
    sizes=st.lists(st.lists(st.integers(0, 3000), max_size=150), max_size=4),
    lanes=st.integers(1, 3),
)
@settings(max_examples=40, deadline=None)
def test_messages_kept_together_are_numbered_and_spread_as_one_by_one(
    sizes: list[list[int]], lanes: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        together = open_outbox(Path(folder) / "a", lanes=lanes)
        singly = open_outbox(Path(folder) / "b", lanes=lanes)
        sequence = 0
        for batch in sizes:
            payloads = [b"x" * size for size in batch]
            together.append_messages(
                payloads,
                opcode=1,
                context=1,
                message_sequence=sequence + 1,
                received_at_ns=5,
                received_monotonic_ns=6,
            )
            for payload in payloads:
                sequence += 1
                singly.append_messages(
                    [payload],
                    opcode=1,
                    context=1,
                    message_sequence=sequence,
                    received_at_ns=5,
                    received_monotonic_ns=6,
                )
        for lane in range(lanes):
            assert kept(together, lane) == kept(singly, lane)
            assert together.lanes[lane].last_sequence == singly.lanes[lane].last_sequence
        assert not together.undeclared
        assert together.numbers.session_messages == singly.numbers.session_messages == sequence
        assert together.held_bytes <= singly.held_bytes
        together.close(finished=False)
        singly.close(finished=False)


@given(
    sizes=st.lists(st.lists(st.integers(0, 3000), min_size=1, max_size=150), min_size=1, max_size=4),
    lanes=st.integers(1, 3),
    limit_bytes=st.integers(1, 200_000),
)
@settings(max_examples=40, deadline=None)
def test_of_messages_for_which_there_is_no_room_the_first_ones_are_kept_and_the_others_numbered(
    sizes: list[list[int]], lanes: int, limit_bytes: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        outbox = open_outbox(Path(folder) / "o", lanes=lanes, limit_bytes=limit_bytes)
        sent: list[bytes] = []
        for batch in sizes:
            payloads = [b"x" * size for size in batch]
            whole = outbox.append_messages(
                payloads,
                opcode=1,
                context=1,
                message_sequence=len(sent) + 1,
                received_at_ns=5,
                received_monotonic_ns=6,
            )
            sent += payloads
            assert whole == (not outbox.undeclared)
        found = sorted(
            (envelope.global_message_sequence, envelope.payload)
            for lane in range(lanes)
            for envelope in kept(outbox, lane)
        )
        assert found == list(enumerate(sent, 1))[: len(found)]
        assert list(outbox.undeclared) == list(range(len(found) + 1, len(sent) + 1))
        assert outbox.held_bytes <= limit_bytes
        if outbox.undeclared:
            assert outbox.held_bytes + HEADER_BYTES + LENGTH_BYTES + len(sent[len(found)]) > limit_bytes
        outbox.close(finished=False)


def test_a_death_between_keeping_and_counting_leaves_the_count_right(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    append(outbox, b"counted")
    before = (tmp_path / "o" / "numbers").read_bytes()
    outbox.append_messages(
        [b"kept", b"kept too"],
        opcode=1,
        context=1,
        message_sequence=2,
        received_at_ns=50,
        received_monotonic_ns=60,
    )
    outbox.close(finished=False)
    (tmp_path / "o" / "numbers").write_bytes(before)
    again = open_outbox(tmp_path / "o")
    assert (again.numbers.newest, again.numbers.session_messages, again.numbers.last_received_at_ns) == (
        3,
        3,
        50,
    )
    assert not again.undeclared
    again.close(finished=False)
