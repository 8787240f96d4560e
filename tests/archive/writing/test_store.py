"""The store of a lane: what is durable when, where a row goes, what a close leaves."""

import errno
import gzip
import hashlib
import json
import mmap
import os
import stat
from pathlib import Path

import msgspec
import pytest

from common.archive.read import closed_archives, iterate_lines
from common.archive.sidecar import read_sidecar
from common.archive.writing.store import LaneStore
from common.core.rows.facts import RowFacts
from common.core.rows.names import REST_CHECKPOINTS, WS_RAW, Layout, sidecar_path
from common.errors import AlreadyRunningError, ArchiveError
from common.files import CANNOT_SYNC_FOLDERS, Disk
from tests.archive.rows import HOUR_NS, NOON_NS, PRODUCER, RUNTIME, Row, append_all, gap, message


def open_store(root: Path, layout: Layout = RUNTIME, level: int = 1) -> LaneStore:
    return LaneStore.open(root, 0, layout=layout, gzip_level=level)


def names(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in closed_archives(root)]


def test_a_row_is_durable_after_the_commit_and_not_before(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_all(store, [message(1), message(2)])
    assert store.durable == {}
    assert store.commit() == {PRODUCER: 2}
    assert store.totals.rows == 2
    store.close()


def test_a_commit_with_nothing_new_touches_no_file(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_all(store, [message(1)])
    store.commit()
    before = (tmp_path / "journal/lane-0.journal").read_bytes()
    assert store.commit() == {PRODUCER: 1}
    assert (tmp_path / "journal/lane-0.journal").read_bytes() == before
    store.close()


def in_memory(path: Path, offset: int) -> bool:
    """Whether the kernel can give this byte of a file without asking the disk. Skips where there is no disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.preadv(descriptor, [bytearray(1)], offset, os.RWF_NOWAIT) == 1
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        pytest.skip(f"{path} lies on a file system that is memory: {error.strerror}")
    finally:
        os.close(descriptor)


def test_what_is_durable_leaves_the_memory_but_the_page_that_is_written_next(tmp_path: Path) -> None:
    store, rows = open_store(tmp_path), b""
    row = b'{"noise":"%b"}\n' % os.urandom(5 << 20).hex().encode()
    for number in range(1, 20):  # it is advice: the kernel may keep pieces for a while
        store.append(WS_RAW, PRODUCER, number, row, RowFacts(NOON_NS, "s", number, number))
        store.commit()
        rows += row
        [archive] = tmp_path.glob("raw_orderbooks/**/.*.open")
        size = archive.stat().st_size
        places = range(0, size, 1 << 16)
        if sum(in_memory(archive, place) for place in places) < len(places) / 2:
            break
    else:
        pytest.fail("more than half of what is durable stays in memory")
    assert in_memory(archive, size - 1) == bool(size % mmap.PAGESIZE)
    store.close_all()
    [name] = names(tmp_path)
    assert gzip.decompress((tmp_path / name).read_bytes()) == rows
    store.close()


def test_durable_and_totals_survive_a_restart(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_all(store, [message(n) for n in range(1, 6)])
    store.close_all()
    totals = store.totals
    store.close()
    again = open_store(tmp_path)
    assert (again.durable, again.totals) == ({PRODUCER: 5}, totals)
    assert again.findings == ()
    append_all(again, [message(6)])
    again.close_all()
    assert again.totals.archives_closed == 2
    again.close()


@pytest.mark.parametrize("sequence", [0, 2, 7])
def test_a_row_out_of_sequence_is_refused(tmp_path: Path, sequence: int) -> None:
    store = open_store(tmp_path)
    with pytest.raises(ArchiveError, match=rf"{PRODUCER} sent lane sequence {sequence}, expected 1"):
        store.append(*message(sequence))
    store.close()


def test_a_lane_has_one_holder(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(AlreadyRunningError, match=r"lane-0\.lock"):
        open_store(tmp_path)
    store.close()
    open_store(tmp_path).close()


def test_a_row_of_a_newer_window_closes_the_older_archive_at_the_next_commit(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_all(store, [message(1), message(2, at_ns=NOON_NS + HOUR_NS)])
    assert names(tmp_path) == []
    store.commit()
    folder = "raw_orderbooks/polymarket/ws_raw/dt=2026-11-23"
    first = f"{folder}/hour=12/polymarket_ws_raw_20261123T120000Z_{PRODUCER}_l0_s000000000001.jsonl.gz"
    assert names(tmp_path) == [first]
    store.close_all()
    second = f"{folder}/hour=13/polymarket_ws_raw_20261123T130000Z_{PRODUCER}_l0_s000000000002.jsonl.gz"
    assert names(tmp_path) == [first, second]
    assert [facts.name for facts in store.closed_archives] == [Path(first).name, Path(second).name]
    store.close()


def test_a_clock_that_steps_back_makes_a_new_archive_and_reopens_none(tmp_path: Path) -> None:
    late, early = NOON_NS + HOUR_NS, NOON_NS
    store = open_store(tmp_path)
    times = [early, late, early, early, late, early]
    append_all(store, [message(n, at_ns=at) for n, at in enumerate(times, start=1)])
    store.close_all()
    held = {
        path.name[-21:-9]: [json.loads(line)["json"]["n"] for line in iterate_lines(path)]
        for path in closed_archives(tmp_path)
    }
    assert held == {"000000000001": [1], "000000000002": [2, 5], "000000000003": [3, 4], "000000000006": [6]}
    store.close()


def test_a_quiet_producers_window_closes_when_its_time_has_come(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_all(store, [message(1), message(1, producer="other-reader")])
    store.close_windows_before(PRODUCER, NOON_NS + HOUR_NS - 1)
    store.commit()
    assert names(tmp_path) == []
    store.close_windows_before(PRODUCER, NOON_NS + HOUR_NS)
    store.commit()
    assert len(names(tmp_path)) == 1
    assert [facts.rows for facts in store.open_archives] == [1]
    store.close()


def test_streams_have_archives_of_their_own(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_all(store, [message(1), message(2, stream=REST_CHECKPOINTS)])
    store.close_all()
    assert [name.split("/")[2] for name in names(tmp_path)] == ["rest_checkpoints", "ws_raw"]
    store.close()


def test_a_sample_has_one_archive_a_stream_whatever_the_producer_and_the_hour(tmp_path: Path) -> None:
    store = open_store(tmp_path, Layout("sample", run_id="run-1"))
    append_all(store, [message(1), message(1, producer="other"), message(2, at_ns=NOON_NS + 5 * HOUR_NS)])
    store.close_windows_before(PRODUCER, NOON_NS + 9 * HOUR_NS)
    store.close_all()
    assert names(tmp_path) == ["ws_sample/polymarket/ws_raw/run-1/polymarket_ws_raw_run-1.jsonl.gz"]
    store.close()
    later = open_store(tmp_path, Layout("sample", run_id="run-1"))
    append_all(later, [message(3)])
    later.close_all()
    assert names(tmp_path)[1:] == [
        "ws_sample/polymarket/ws_raw/run-1/polymarket_ws_raw_run-1_part-2.jsonl.gz"
    ]
    later.close()


def test_an_open_archive_is_hidden_and_its_owners_alone(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_all(store, [message(1)])
    [path] = tmp_path.glob("raw_orderbooks/**/*.open")
    assert path.name.startswith(".polymarket_ws_raw_")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    store.close()


def test_a_sidecar_tells_what_its_archive_holds(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    rows = [message(1), message(2), gap(3, at_ns=NOON_NS + 500), message(4)]
    append_all(store, rows)
    store.close_all()
    [archive] = closed_archives(tmp_path)
    sidecar = read_sidecar(archive)
    content = archive.read_bytes()
    assert sidecar.archive == archive.name
    assert (sidecar.rows, sidecar.bytes) == (4, len(content))
    assert sidecar.sha256 == hashlib.sha256(content).hexdigest()
    assert sidecar.uncompressed_bytes == len(gzip.decompress(content))
    assert sidecar.first_received_at_utc == "2026-11-23T12:00:00.000000Z"
    assert sidecar.last_received_at_utc == "2026-11-23T12:00:04.000000Z"
    assert sidecar.producers[PRODUCER].last_lane_sequence == 4
    [session] = sidecar.sessions
    assert (session.first_message_sequence, session.last_message_sequence, session.count) == (1, 4, 3)
    assert [entry["cause"] for entry in sidecar.gaps] == ["spool full"]
    assert not sidecar.recovered
    store.close()


def test_nothing_is_overwritten_when_a_name_is_taken(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_all(store, [message(1)])
    [path] = tmp_path.glob("raw_orderbooks/**/*.open")
    final = path.with_name(path.name.removeprefix(".").removesuffix(".open"))
    final.write_bytes(b"somebody else's")
    with pytest.raises(ArchiveError, match="never overwritten"):
        store.close_all()
    with pytest.raises(ArchiveError, match="never overwritten"):
        store.append(*message(2))
    store.close()
    again = open_store(tmp_path)
    assert final.read_bytes() == b"somebody else's"
    assert "kept as" in again.findings[0]
    again.close()


@pytest.mark.parametrize("level", [1, 2, 3, 4, 6, 9])
def test_every_level_gives_archives_that_plain_gzip_reads(tmp_path: Path, level: int) -> None:
    store = open_store(tmp_path, level=level)
    rows = [message(n) for n in range(1, 300)]
    for start in range(0, len(rows), 90):
        append_all(store, rows[start : start + 90])
        store.commit()
    store.close_all()
    store.close()
    [archive] = closed_archives(tmp_path)
    assert gzip.decompress(archive.read_bytes()) == b"".join(row[3] for row in rows)


def test_a_long_archive_has_members_of_a_bounded_size(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    row = message(1)
    for n in range(1, 91):
        store.append(row[0], row[1], n, b'{"a":"' + b"x" * 200_000 + b'"}\n', row[4])
    store.close_all()
    store.close()
    [archive] = closed_archives(tmp_path)
    assert archive.read_bytes().count(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff") >= 4
    assert sum(1 for _ in iterate_lines(archive)) == 90


def test_a_hostile_producer_name_stays_inside_the_data_root(tmp_path: Path) -> None:
    root = tmp_path / "data"
    store = open_store(root)
    store.append(*message(1, producer="../../etc/x\n"))
    store.close_all()
    store.close()
    assert len(closed_archives(root)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert read_sidecar(closed_archives(root)[0]).producers["../../etc/x\n"].rows == 1


def test_the_sidecar_stands_beside_its_archive(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_all(store, [message(1)])
    store.close_all()
    store.close()
    [archive] = closed_archives(tmp_path)
    assert sorted(path.name for path in archive.parent.iterdir()) == sorted(
        [archive.name, sidecar_path(archive.name)]
    )


def row_of(n: int, exchange: str | None) -> Row:
    """The `n`th message, which states its exchange, or nothing as those of an older version."""
    stream, producer, number, row, facts = message(n)
    stated = {} if exchange is None else {"exchange": exchange}
    line = json.dumps(json.loads(row) | stated).encode() + b"\n"
    return stream, producer, number, line, msgspec.structs.replace(facts, exchange=exchange)


@pytest.mark.parametrize("exchange", ["live", "simulated", None])
@pytest.mark.parametrize("crash", [False, True])
def test_the_sidecar_states_the_exchange_that_its_rows_state(
    tmp_path: Path, exchange: str | None, *, crash: bool
) -> None:
    store = open_store(tmp_path)
    append_all(store, [row_of(1, exchange), row_of(2, exchange)])
    if crash:
        store.commit()
        store.close()
        store = open_store(tmp_path)
    else:
        store.close_all()
    store.close()
    [path] = closed_archives(tmp_path)
    assert read_sidecar(path).exchange == exchange


def test_the_sidecar_has_the_clock_offset_at_the_time_of_closing(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    offsets: list[float | None] = [None, 1.5]
    store.clock_offset = offsets.pop
    append_all(store, [message(1)])
    store.close_all()
    append_all(store, [message(2)])
    store.close_all()
    store.close()
    assert [read_sidecar(path).clock_offset_seconds for path in closed_archives(tmp_path)] == [1.5, None]


def test_a_sidecar_of_an_older_version_can_be_read(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_all(store, [message(1)])
    store.close_all()
    store.close()
    [path] = closed_archives(tmp_path)
    sidecar = Path(sidecar_path(str(path)))
    older = json.loads(sidecar.read_bytes())
    del older["exchange"], older["clock_offset_seconds"]
    sidecar.write_text(json.dumps(older))
    assert (read_sidecar(path).exchange, read_sidecar(path).clock_offset_seconds) == (None, None)


class ShareDisk(Disk):
    """Where folders cannot be synced, as on some network shares."""

    def sync_folder(self, folder: Path) -> None:
        raise OSError(errno.EINVAL, CANNOT_SYNC_FOLDERS, str(folder))


def test_a_file_system_that_cannot_sync_folders_is_named_with_what_helps(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="cannot make names durable; choose a data root") as raised:
        LaneStore.open(tmp_path, 0, layout=RUNTIME, gzip_level=1, disk=ShareDisk())
    assert "restart" not in str(raised.value)
