import os
from pathlib import Path

import pytest

from common.queue.outbox import Outbox
from common.queue.outbox_files import Identity
from common.queue.room import LOOK_AGAIN_BYTES, RESERVE_BYTES, Room

MIB = 1024 * 1024


@pytest.fixture
def free(tmp_path: Path) -> int:
    """Bytes that the file system of the tests' files has left."""
    facts = os.statvfs(tmp_path)
    return facts.f_bavail * facts.f_frsize


def test_what_would_touch_the_reserve_is_refused(tmp_path: Path, free: int) -> None:
    room = Room(tmp_path)
    assert room.take(MIB)
    assert not room.take(free)
    assert not Room(tmp_path).take(free - RESERVE_BYTES + 512 * MIB)


def test_what_may_use_the_reserve_up_is_not(tmp_path: Path, free: int) -> None:
    size = free - 512 * MIB
    assert not Room(tmp_path).take(size + 600 * MIB)
    assert Room(tmp_path).take(size, of_reserve=RESERVE_BYTES)


def test_between_two_looks_what_was_taken_is_counted(tmp_path: Path, free: int) -> None:
    room = Room(tmp_path)
    assert room.take(LOOK_AGAIN_BYTES - 1)
    assert not room.take(free - RESERVE_BYTES + 512 * MIB)
    assert abs(room.free_bytes() - free) < 512 * MIB, "nothing was really written"


def test_an_outbox_leaves_the_reserve_of_its_file_system_alone(tmp_path: Path, free: int) -> None:
    outbox = Outbox(tmp_path / "o", Identity("p", "ws_raw"), lanes=1, limit_bytes=2 * free)
    assert outbox.append_row(b"{}", received_at_ns=0, received_monotonic_ns=0)
    assert outbox.has_room
