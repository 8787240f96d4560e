"""Files of an outbox that a crash or a full disk left empty, or full of zeros, are a finding and never an end."""

import json
from pathlib import Path

import pytest

from common.core.envelope import MESSAGE
from common.errors import SupersededError
from common.feed.recording import Recording
from common.queue.outbox import Outbox
from common.queue.outbox_files import SUPERSEDED, Identity
from tests.feed.test_recording import URL, at, begin, kept, open_outbox, open_session, rows

DAMAGES = (b"", b"\0" * 64, b'{"producer": "')


def recorded(folder: Path) -> None:
    outbox = open_outbox(folder)
    recording = Recording(outbox, at(200))
    number = outbox.numbers.next_connection()
    recording.open_session(f"ws_reader-0-a-c{number}", URL, (), at(200), {})
    recording.messages([b"one", b"two"], 1, at(201))
    outbox.close(finished=False)


def again(folder: Path) -> Outbox:
    return Outbox(folder, Identity("ws_reader-0-b", "ws_raw"), lanes=1, limit_bytes=2**30)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_identity_is_told_by_the_sessions(tmp_path: Path, damage: bytes) -> None:
    recorded(tmp_path / "o")
    (tmp_path / "o/identity.json").write_bytes(damage)
    assert again(tmp_path / "o").identity.producer == "ws_reader-0-a"


@pytest.mark.parametrize("damage", DAMAGES)
def test_messages_of_a_damaged_context_are_kept_with_a_stand_in(tmp_path: Path, damage: bytes) -> None:
    recorded(tmp_path / "o")
    (tmp_path / "o/context-1.json").write_bytes(damage)
    outbox = again(tmp_path / "o")
    Recording(outbox, at(300))
    assert outbox.files.context(1).session_id == "o-context-1-lost"
    assert [each.payload for each in kept(outbox) if each.kind == MESSAGE] == [b"one", b"two"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_outage_is_as_long_as_its_file_is_old(tmp_path: Path, damage: bytes) -> None:
    outbox = open_outbox(tmp_path / "o")
    recording = begin(outbox)
    recording.close_session("connection_lost", "", at(210))
    outbox.close(finished=False)
    (tmp_path / "o/outage.json").write_bytes(damage)
    reopened = again(tmp_path / "o")
    open_session(reopened, Recording(reopened, at(300)), 301, 2)
    [gap] = [row["gap"] for row in rows(reopened) if row["record_type"] == "gap"]
    assert gap["cause"] == "reader_died"


def test_damaged_numbers_are_told_by_what_is_held(tmp_path: Path) -> None:
    recorded(tmp_path / "o")
    for name in ("numbers", "lane-0/numbers"):
        (tmp_path / "o" / name).write_bytes(b"\0" * 16)
    outbox = again(tmp_path / "o")
    assert (outbox.numbers.newest, outbox.numbers.context, outbox.numbers.connections) == (2, 1, 1)
    assert outbox.lanes[0].last_sequence == 3


def test_where_nothing_is_held_damaged_numbers_begin_another_outbox(tmp_path: Path) -> None:
    recorded(tmp_path / "o")
    (tmp_path / "o/numbers").write_bytes(b"\0" * 56)
    for segment in (tmp_path / "o").glob("lane-0/*.segment"):
        segment.unlink()
    with pytest.raises(SupersededError, match="numbers: is damaged"):
        again(tmp_path / "o")
    assert json.loads((tmp_path / "o" / SUPERSEDED).read_bytes())["cause"] == "spool_superseded"
