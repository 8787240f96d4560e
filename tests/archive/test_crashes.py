"""A life that ends at any step whatever: every row once, none missing, whatever was told to be durable is."""

import contextlib
import gzip
import json
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.archive.read import closed_archives
from common.archive.writing.store import LaneStore
from common.core.uploads.record import record_path
from common.errors import ArchiveError
from common.files import Disk
from tests.archive.dying_disk import Died, DyingDisk, Fate, PowerLossDisk
from tests.archive.lives import check, live, two_producers
from tests.archive.rows import HOUR_NS, NOON_NS, PRODUCER, RUNTIME, append_all, message

ROWS = two_producers(8)
Told = list[Mapping[str, int]]


def live_until_it_dies(root: Path, disk: Disk, told: Told) -> None:
    try:
        live(root, ROWS, disk, rows_a_commit=5, told=told)
    except (Died, ArchiveError):
        return


def the_last_life(root: Path, told: Told) -> int:
    """Nothing that was ever told to be durable is sent again; gives the archives recovered."""
    before = told[-1] if told else {}
    after: Told = []
    live(root, ROWS, DyingDisk(), rows_a_commit=5, told=after)
    assert all(after[0].get(name, 0) >= sequence for name, sequence in before.items())
    return check(root, ROWS)


def at_every_step(root: Path, act: Callable[[Path, int], bool]) -> int:
    """Act for step 1, 2, ... each in a folder of its own, until one is not reached."""
    step = 1
    while act(root / str(step), step):
        shutil.rmtree(root / str(step))
        step += 1
    return step


@pytest.mark.unmeasured(here=True)
@pytest.mark.parametrize("fate", ["killed before", "killed halfway", "device error", "disk full"])
def test_a_life_may_end_at_any_step(tmp_path: Path, fate: Fate) -> None:
    recovered = 0

    def act(root: Path, step: int) -> bool:
        nonlocal recovered
        root.mkdir()
        disk, told = DyingDisk(step, fate), Told()
        live_until_it_dies(root, disk, told)
        recovered += the_last_life(root, told)
        return disk.ended

    assert at_every_step(tmp_path, act) > 60
    assert recovered > 20


@pytest.mark.unmeasured(here=True)
def test_recovery_may_end_at_any_step_too(tmp_path: Path) -> None:
    deaths = 0
    for first in range(25, 90, 6):

        def act(root: Path, step: int, first: int = first) -> bool:
            nonlocal deaths
            root.mkdir(parents=True)
            told = Told()
            live_until_it_dies(root, DyingDisk(first, "killed halfway"), told)
            disk = DyingDisk(step, "killed halfway")
            try:
                LaneStore.open(root, 0, layout=RUNTIME, gzip_level=1, disk=disk).close()
            except Died:
                deaths += 1
            the_last_life(root, told)
            return disk.ended

        at_every_step(tmp_path / str(first), act)
    assert deaths > 100


@pytest.mark.unmeasured(here=True)
@pytest.mark.parametrize("names", [True, False], ids=["names undone", "names kept"])
@pytest.mark.parametrize("zeros", [True, False], ids=["zeros", "cut"])
def test_power_may_be_lost_at_any_step(tmp_path: Path, *, names: bool, zeros: bool) -> None:
    def act(root: Path, step: int) -> bool:
        root.mkdir()
        disk, told = PowerLossDisk(step), Told()
        live_until_it_dies(root, disk, told)
        disk.lose_power(root, names=names, zeros=zeros)
        the_last_life(root, told)
        return disk.ended

    assert at_every_step(tmp_path, act) > 60


class ForgetfulDisk(PowerLossDisk):
    """Says that it synced, and did not."""

    def sync(self, descriptor: int) -> None:
        DyingDisk.sync(self, descriptor)


def test_the_loss_of_power_would_be_seen_if_nothing_were_synced(tmp_path: Path) -> None:
    disk, told = ForgetfulDisk(60), Told()
    live_until_it_dies(tmp_path, disk, told)
    disk.lose_power(tmp_path, names=False, zeros=False)
    with pytest.raises(AssertionError):
        the_last_life(tmp_path, told)


@pytest.mark.unmeasured(here=True)
@settings(max_examples=60, deadline=None)
@given(
    windows=st.lists(st.integers(0, 3), min_size=1, max_size=25),
    deaths=st.lists(st.integers(20, 90), max_size=4),
    rows_a_commit=st.integers(1, 6),
)
def test_clock_steps_and_deaths_in_any_order(
    windows: list[int], deaths: list[int], rows_a_commit: int
) -> None:
    rows = [message(n, at_ns=NOON_NS + window * HOUR_NS + n) for n, window in enumerate(windows, start=1)]
    with tempfile.TemporaryDirectory() as folder:
        for step in (*deaths, 0):
            disk = DyingDisk(step, "killed halfway")
            with contextlib.suppress(Died):
                live(Path(folder), rows, disk, rows_a_commit=rows_a_commit, told=[])
        check(Path(folder), rows)
        names = [path.name for path in closed_archives(Path(folder))]
        assert len(names) == len(set(names)) >= len(set(windows))


def test_a_killed_writer_loses_and_doubles_nothing(tmp_path: Path) -> None:
    rows = 3000
    command = [sys.executable, "-m", "tests.archive.lives", str(tmp_path), str(rows)]
    for acks in (3, 40, 11, 70):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            told = [json.loads(child.stdout.readline()) for _ in range(acks)]
            child.send_signal(signal.SIGKILL)
            assert child.wait() == -signal.SIGKILL
        assert told[-1] != told[0]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert check(tmp_path, two_producers(rows)) >= 4


def test_what_a_crash_left_reads_with_everyones_tools(tmp_path: Path) -> None:
    store = LaneStore.open(tmp_path, 0, layout=RUNTIME, gzip_level=1)
    rows = [message(n) for n in range(1, 200)]
    append_all(store, rows[:90])
    store.commit()
    append_all(store, rows[90:100])
    store.commit()
    append_all(store, rows[100:])
    store.close()
    LaneStore.open(tmp_path, 0, layout=RUNTIME, gzip_level=1).close()
    [archive] = closed_archives(tmp_path)
    whole = b"".join(row[3] for row in rows[:100])
    assert gzip.decompress(archive.read_bytes()) == whole
    subprocess.run(["gzip", "-t", archive], check=True)
    assert subprocess.run(["zcat", archive], check=True, capture_output=True).stdout == whole
    query = f"select count(*), max(message_sequence) from read_json('{archive}', format='newline_delimited')"
    assert duckdb.connect().execute(query).fetchall() == [(100, 100)]


def test_a_write_that_the_system_refuses_ends_the_store_and_the_next_life_goes_on(tmp_path: Path) -> None:
    store = LaneStore.open(tmp_path, 0, layout=RUNTIME, gzip_level=1)
    append_all(store, [message(1)])
    store.commit()
    store.append(*message(2)[:3], b'{"a":"' + bytes(range(35, 91)) * 10_000 + b'"}\n', message(2)[4])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))
    try:
        with pytest.raises(ArchiveError, match="File too large; restart to recover"):
            store.commit()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(ArchiveError, match="restart to recover"):
        store.commit()
    with pytest.raises(ArchiveError, match="restart to recover"):
        store.append(*message(3))
    store.close()
    again = LaneStore.open(tmp_path, 0, layout=RUNTIME, gzip_level=1)
    assert again.durable == {PRODUCER: 1}
    assert again.totals.archives_recovered == 1
    append_all(again, [message(2)])
    again.close_all()
    again.close()
    check(tmp_path, [message(1), message(2)])


def test_a_file_shorter_than_what_was_made_durable_is_kept_aside_and_told(tmp_path: Path) -> None:
    store = LaneStore.open(tmp_path, 0, layout=RUNTIME, gzip_level=1)
    append_all(store, [message(n) for n in range(1, 50)])
    store.commit()
    store.close()
    [path] = tmp_path.rglob("*.open")
    path.write_bytes(path.read_bytes()[:20])
    again = LaneStore.open(tmp_path, 0, layout=RUNTIME, gzip_level=1)
    [finding] = again.findings
    assert "holds 20 bytes" in finding
    assert [path.suffix for path in tmp_path.rglob(".polymarket*")] == [".damaged"]
    again.close()


def test_a_crash_right_behind_the_end_of_a_member_leaves_nothing_to_end(tmp_path: Path) -> None:
    store = LaneStore.open(tmp_path, 0, layout=RUNTIME, gzip_level=1)
    row = b'{"record_type":"message","received_at_ns":1,"session_id":"s","text":"' + b"x" * 700_000 + b'"}\n'
    for n in range(1, 7):
        store.append(*message(n)[:3], row, message(n)[4])
    store.commit()
    [file] = tmp_path.rglob("*.open")
    length = file.stat().st_size
    store.close()
    LaneStore.open(tmp_path, 0, layout=RUNTIME, gzip_level=1).close()
    [archive] = closed_archives(tmp_path)
    assert archive.stat().st_size == length
    assert gzip.decompress(archive.read_bytes()) == row * 6


def test_a_file_that_is_gone_is_told_and_what_it_held_is_not_durable(tmp_path: Path) -> None:
    store = LaneStore.open(tmp_path, 0, layout=RUNTIME, gzip_level=1)
    append_all(store, [message(sequence) for sequence in (1, 2)])
    store.commit()
    store.close_all()
    store.commit()
    append_all(store, [message(sequence) for sequence in (3, 4, 5)])
    store.commit()
    store.close()
    [path] = tmp_path.rglob("*.open")
    path.unlink()
    again = LaneStore.open(tmp_path, 0, layout=RUNTIME, gzip_level=1)
    assert "is gone" in again.findings[0]
    [(producer, durable)] = again.durable.items()
    assert durable == 2, "a producer that was told of 5 declares what no archive holds"
    assert again.mark(producer).number == 2
    again.close()


def test_an_archive_that_went_after_its_proof_is_still_durable(tmp_path: Path) -> None:
    store = LaneStore.open(tmp_path, 0, layout=RUNTIME, gzip_level=1)
    append_all(store, [message(1)])
    store.commit()
    store.close_all()
    store.commit()
    durable = dict(store.durable)
    store.close()
    [archive] = closed_archives(tmp_path)
    record = tmp_path / record_path(archive.relative_to(tmp_path).as_posix())
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    for path in archive.parent.iterdir():
        path.unlink()
    again = LaneStore.open(tmp_path, 0, layout=RUNTIME, gzip_level=1)
    assert (dict(again.durable), again.findings) == (durable, ())
    again.close()


def test_recovery_leaves_the_open_archives_of_other_lanes_alone(tmp_path: Path) -> None:
    other = LaneStore.open(tmp_path, 0, layout=RUNTIME, gzip_level=1)
    other.append(*message(1, producer="reader_l1_s000000000001"))
    LaneStore.open(tmp_path, 1, layout=RUNTIME, gzip_level=1).close()
    other.close_all()
    other.close()
    assert len(closed_archives(tmp_path)) == 1


def test_open_archives_without_a_journal_are_kept_aside(tmp_path: Path) -> None:
    store = LaneStore.open(tmp_path, 0, layout=RUNTIME, gzip_level=1)
    append_all(store, [message(1)])
    store.commit()
    store.close()
    (tmp_path / "journal/lane-0.journal").write_bytes(b"")
    again = LaneStore.open(tmp_path, 0, layout=RUNTIME, gzip_level=1)
    assert "holds no line that can be read" in again.findings[0]
    assert "no journal" in again.findings[1]
    assert [path.suffix for path in tmp_path.rglob(".polymarket*")] == [".orphan"]
    again.close()
