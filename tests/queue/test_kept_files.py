"""An outbox whose files somebody removes while its process lives loses nothing."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from common.core.envelope import MESSAGE
from common.queue.outbox import Outbox
from common.queue.outbox_files import OUTAGE, Identity
from tests.feed.test_recording import at, kept
from tests.queue.test_agreement import FRESH, Between


@pytest.fixture
def between(tmp_path: Path) -> Iterator[Between]:
    between = Between(tmp_path / "run" / "producers" / "o")
    between.open_session()
    between.receive(b"one", b"two")
    yield between
    between.close()


def remove_files(folder: Path) -> None:
    for path in folder.rglob("*"):
        if not path.is_dir():
            path.unlink()


REMOVALS: dict[str, Callable[[Path], object]] = {
    "the folder": shutil.rmtree,
    "the run's folder": lambda folder: shutil.rmtree(folder.parent.parent),
    "a lane": lambda folder: shutil.rmtree(folder / "lane-0"),
    "the identity": lambda folder: (folder / "identity.json").unlink(),
    "the contexts": lambda folder: (folder / "context-1.json").unlink(),
    "the numbers": lambda folder: (folder / "numbers").unlink(),
    "the lock": lambda folder: (folder / "lock").unlink(),
    "all but folders": remove_files,
}


@pytest.mark.parametrize("what", REMOVALS)
def test_what_was_removed_is_written_again_and_a_next_life_finds_all(between: Between, what: str) -> None:
    assert not between.outbox.keep()
    REMOVALS[what](between.folder)
    assert between.outbox.keep()
    assert not between.outbox.keep()
    between.receive(b"three")
    between.outbox.close(finished=False)
    again = Outbox(between.folder, Identity("another", "ws_raw"), lanes=1, limit_bytes=2**30)
    assert again.identity == FRESH
    assert [each.payload for each in kept(again) if each.kind == MESSAGE] == [b"one", b"two", b"three"]
    assert (again.numbers.newest, again.numbers.connections, again.files.session_is_open) == (3, 1, True)
    assert again.files.contexts[1].session_id == "reader-0-a-c1"


def test_an_outage_is_written_again_too(between: Between) -> None:
    between.recording.close_session("connection_lost", "", at(210))
    shutil.rmtree(between.folder)
    assert between.outbox.keep()
    assert (between.folder / OUTAGE).exists()
    assert not (between.folder / "session-open").exists()


def test_a_folder_that_stands_at_its_place_is_moved_away(between: Between) -> None:
    shutil.rmtree(between.folder)
    between.folder.mkdir()
    (between.folder / "lane-0").mkdir()
    (between.folder / "lane-0" / f"{5:020d}.segment").write_bytes(b"of somebody else")
    assert between.outbox.keep()
    [aside] = between.folder.parent.parent.glob("set-aside-o-*")
    assert len(list(aside.glob("lane-0/*.segment"))) == 1
    assert len(list(between.folder.glob("lane-0/*.segment"))) == 1


def test_a_writer_that_comes_after_the_removal_gets_everything(between: Between) -> None:
    shutil.rmtree(between.folder)
    between.outbox.keep()
    between.server.keep()
    taken, _ = between.take_all(between.client(durable=0))
    assert [each.payload for each in taken if each.kind == MESSAGE] == [b"one", b"two"]


@pytest.fixture
def small_disk(short_folder: Path) -> Iterator[Path]:
    """A file system of a few pages."""
    folder = short_folder / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass


def test_state_files_that_find_no_room_wait_in_memory_and_are_written_when_there_is_some(
    small_disk: Path,
) -> None:
    between = Between(small_disk / "o")
    between.open_session()
    filler = small_disk / "filler"
    fill(filler)
    between.recording.close_session("connection_lost", "", at(210))
    between.open_session()
    assert between.outbox.files.contexts[2].session_id == "reader-0-a-c2"
    filler.unlink()
    between.outbox.keep()
    assert (between.folder / "context-2.json").stat().st_size > 0
    assert (between.folder / OUTAGE).stat().st_size > 0
    between.close()
    between.outbox.close(finished=False)


def test_numbers_for_which_there_is_no_room_are_refused_and_never_a_fault_of_memory(small_disk: Path) -> None:
    fill(small_disk / "filler")
    with pytest.raises(OSError, match="No space left"):
        Outbox(small_disk / "o", FRESH, lanes=1, limit_bytes=2**30)
