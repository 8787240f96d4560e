"""What a version of the program leaves behind, and what another one makes of it."""

import json
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq

from common import __version__
from common.archive.read import closed_archives, iterate_lines
from common.archive.sidecar import read_sidecar
from common.config import Settings
from common.errors import ConfigError
from common.queue.lane_server import LaneServer
from common.queue.outbox import Outbox
from common.queue.outbox_files import Identity
from common.runtime.process import Assignment, Runtime, read_assignment, write_assignment
from common.runtime.run.details import NOTHING, WriterDetails
from common.runtime.run.facts import Facts, Tally, last_facts, read_facts, write_facts
from common.runtime.run.orders import Orders, write_orders
from common.version import PROGRAM_VERSION, commit_of, program_version
from procs.archive_writer import ArchiveWriter
from tests.stated import DISCOVERY
from tests.waiting import wait_for

PRODUCER = "ws_reader-0-20261123T115900Z-a1b2"
SESSION = f"{PRODUCER}-c1"
NOON_NS = 1_795_435_200_000_000_000
OPENED = b'{"record_type":"session_opened","producer":"%b","session_id":"%b","received_at_ns":%d,"exchange":"live"}'
PAYLOADS = [b"one", b"two", b"three", b"four"]
COMMIT = "1a2b3c4d5e6f" + "0" * 28


# Files as version 0.1.0 and those before it wrote them: every byte of them is made here, none by the code.


def older_batch(kind: int, lane: int, number: int, context: int, opcode: int, *payloads: bytes) -> bytes:
    at = NOON_NS + lane
    fields = struct.pack("<QQQqqIHBB", lane, number, number, at, at, context, len(payloads), kind, opcode)
    fields += struct.pack(f"<{len(payloads)}I", *map(len, payloads))
    body = fields + b"".join(payloads)
    return struct.pack("<II", 8 + len(body), zlib.crc32(body)) + body


def older_outbox(folder: Path, **identity: Any) -> None:  # noqa: ANN401 - any JSON
    """A reader was killed with an open session: lane sequence 1 opened it, 2 to 5 are messages, 1 and 2 have acks."""
    (folder / "lane-0").mkdir(parents=True)
    known = {"producer": PRODUCER, "stream": "ws_raw", **identity}
    (folder / "identity.json").write_text(json.dumps(known))
    context = msgspec.json.encode(
        {
            "number": 1,
            "session_id": SESSION,
            "connection_sequence": 1,
            "url": "wss://exchange.test/ws/market",
            "subscription_json": b'{"revision":1,"assets_ids":[]}',
            "tokens_tracked_json": b"[]",
        }
    )
    (folder / "context-1.json").write_bytes(context)
    (folder / "session-open").touch()
    (folder / "numbers").write_bytes(struct.pack("<7Q", NOON_NS + 5, 4, 4, 4, 1, 1, 0))
    (folder / "lane-0" / "numbers").write_bytes(struct.pack("<2Q", 5, 2))
    opened = OPENED % (PRODUCER.encode(), SESSION.encode(), NOON_NS + 1)
    batches = [older_batch(2, 1, 0, 0, 0, opened), older_batch(1, 2, 1, 1, 1, *PAYLOADS[:3])]
    batches.append(older_batch(1, 5, 4, 1, 1, PAYLOADS[3]))
    (folder / "lane-0" / f"{1:020d}.segment").write_bytes(b"".join(batches))


def older_archive(data_root: Path, **line: Any) -> None:  # noqa: ANN401 - any JSON
    """A writer was killed: its journal says that two rows are durable, and a third was written and not committed."""
    message = {
        "record_type": "message",
        "exchange": "live",
        "producer": PRODUCER,
        "session_id": SESSION,
        "received_at_ns": NOON_NS + 2,
        "message_sequence": 1,
        "global_message_sequence": 1,
        "raw_text": "one",
    }
    opened = OPENED % (PRODUCER.encode(), SESSION.encode(), NOON_NS + 1)
    rows = opened + b"\n" + json.dumps(message, separators=(",", ":")).encode() + b"\n"
    deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
    durable = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + deflate.compress(rows)
    durable += deflate.flush(zlib.Z_SYNC_FLUSH)
    folder = "raw_orderbooks/polymarket/ws_raw/dt=2026-11-23/hour=12"
    name = f"polymarket_ws_raw_20261123T120000Z_{PRODUCER}_l0_s000000000001.jsonl.gz"
    (data_root / folder).mkdir(parents=True)
    (data_root / folder / f".{name}.open").write_bytes(durable + b"a row that no commit names")
    file = {
        "path": f"{folder}/{name}",
        "stream": "ws_raw",
        "opened_at_ns": NOON_NS,
        "bytes": len(durable),
        "rows": 2,
        "uncompressed_bytes": len(rows),
        "member_crc": zlib.crc32(rows),
        "member_size": len(rows),
        "producers": {PRODUCER: {"first_lane_sequence": 1, "last_lane_sequence": 2, "rows": 2}},
    }
    text = json.dumps({"n": 7, "durable": {PRODUCER: 2}, "files": [file], **line}).encode()
    (data_root / "journal").mkdir()
    (data_root / "journal" / "lane-0.journal").write_bytes(b"%08x %b\n" % (zlib.crc32(text), text))


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ob-") as name:
        yield Path(name)


def assignment(data_root: Path, run_dir: Path) -> Assignment:
    return Assignment(
        run_id="r1",
        mode="runtime",
        started_at_ns=1,
        data_root=str(data_root),
        run_dir=str(run_dir),
        settings=msgspec.convert({"writer": {"commit_interval_seconds": 0.05}}, type=Settings),
    )


@pytest.mark.parametrize(
    "stated",
    [{}, {"format_version": 1}],
    ids=["before there were versions", "0.1.0"],
)
def test_what_an_older_version_received_and_wrote_is_taken_over_and_nothing_is_lost(
    tmp_path: Path, run_dir: Path, stated: dict[str, Any]
) -> None:
    folder = run_dir / "producers" / "ws_reader-0"
    older_outbox(folder, **stated)
    older_archive(tmp_path, **stated)
    write_orders(run_dir, Orders(writers=1, readers=1))
    outbox = Outbox(folder, Identity("new", "ws_raw", data_root_id="d"), lanes=1, limit_bytes=2**30)
    writer = ArchiveWriter(Runtime("archive_writer-0", 0, assignment(tmp_path, run_dir), Tally(None)))
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    server = LaneServer(context, outbox)

    def durable() -> bool:
        server.serve()
        writer.step(0.001)
        return outbox.backlog == 0

    wait_for(durable, what="the rest of the outbox in an archive")
    assert (outbox.identity.producer, outbox.files.session_is_open) == (PRODUCER, True)
    server.close()
    outbox.close(finished=False)
    writer.stop()
    wait_for(lambda: not writer.step(0.001), what="the archives to close")
    writer.close()
    context.destroy(linger=0)
    archives = list(closed_archives(tmp_path))
    rows = [json.loads(line) for archive in archives for line in iterate_lines(archive)]
    assert [row.get("raw_text") for row in rows] == [None, *(payload.decode() for payload in PAYLOADS)]
    assert {row["session_id"] for row in rows} == {SESSION}
    sidecars = [read_sidecar(archive) for archive in archives]
    assert [sidecar.program_version for sidecar in sidecars] == [PROGRAM_VERSION] * 2
    [ranges] = [[sidecar.producers[PRODUCER] for sidecar in sidecars]]
    assert [(each.first_lane_sequence, each.last_lane_sequence) for each in ranges] == [(1, 2), (3, 5)]


def test_what_is_newer_is_refused_by_a_message_that_names_file_and_versions(
    tmp_path: Path, run_dir: Path
) -> None:
    newer = {"format_version": 2, "program_version": "9.9.9+gfeed"}
    older_archive(tmp_path, **newer)
    older_outbox(run_dir / "o", data_root_id="d", **newer)
    path = run_dir / "assignment.json"
    write_assignment(path, assignment(tmp_path, run_dir))
    path.write_text(json.dumps(json.loads(path.read_bytes()) | newer))
    fresh = Identity("new", "ws_raw")
    readers: dict[Path, Callable[[], object]] = {
        tmp_path / "journal/lane-0.journal": lambda: ArchiveWriter(
            Runtime("archive_writer-0", 0, assignment(tmp_path, run_dir), Tally(None))
        ),
        run_dir / "o/identity.json": lambda: Outbox(run_dir / "o", fresh, lanes=1, limit_bytes=2**30),
        path: lambda: read_assignment(path),
    }
    for file, read in readers.items():
        before = file.read_bytes()
        with pytest.raises(ConfigError) as refused:
            read()
        for said in (str(file), "is 2", "version 9.9.9+gfeed", f"version {__version__}", "knows 1"):
            assert said in str(refused.value)
        assert file.read_bytes() == before


def test_facts_that_state_more_than_is_known_now_are_read(run_dir: Path) -> None:
    (run_dir / "facts").mkdir()
    common = {
        "pid": 1,
        "updated_at_ns": 2,
        "updated_monotonic_ns": 3,
        "counters": {"a": 4},
        "event_types": {},
    }
    writer = {"lane": 0, "before_run": {"rows_written_total": 7}, "open_archives": [], "closed_archives": []}
    discovery = {"last_success_at_utc": None, "last_error": "", "clock_offset_s": 0, "confirmed_empty": False}
    for name, details in (("archive_writer-0", writer), ("discovery", discovery)):
        document = {"name": name, **common, "details": {**details, "confirmed_empty_at_utc": None}}
        (run_dir / "facts" / f"{name}.json").write_text(json.dumps(document))
    found = read_facts(run_dir)
    assert found["archive_writer-0"].details == WriterDetails(
        before_run={"rows_written_total": 7}, open_archives=(), closed_archives=()
    )
    assert found["discovery"].details == msgspec.structs.replace(DISCOVERY, clock_offset_s=0.0)
    assert found["discovery"].counters == {"a": 4}


def test_facts_of_a_newer_version_are_none_and_the_log_says_why(
    run_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (run_dir / "facts").mkdir()
    write_facts(run_dir, Facts("uploader", 1, 2, 3, {}, {}, NOTHING))
    path = run_dir / "facts" / "uploader.json"
    assert last_facts(run_dir, "uploader") is not None
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"format_version": 2}))
    assert last_facts(run_dir, "uploader") is None
    [record] = caplog.records
    assert str(path) in record.__dict__["reason"]


# Which program this is


def test_the_commit_is_read_from_a_checkout_without_git(tmp_path: Path) -> None:
    git = tmp_path / ".git"
    assert program_version(tmp_path) == __version__
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert commit_of(tmp_path) == "", "a branch without a commit"
    (git / "packed-refs").write_text(f"# pack-refs with: peeled\n{COMMIT} refs/heads/main\n")
    assert program_version(tmp_path) == f"{__version__}+g1a2b3c4d5e6f"
    (git / "refs" / "heads" / "main").write_text(f"{COMMIT[::-1]}\n")
    assert commit_of(tmp_path) == COMMIT[::-1], "a branch's own file is newer than the packed ones"
    (git / "HEAD").write_text(f"{COMMIT}\n")
    assert commit_of(tmp_path) == COMMIT


def test_the_commit_of_a_further_working_tree_is_its_own(tmp_path: Path) -> None:
    git, tree = tmp_path / "main" / ".git", tmp_path / "tree"
    (git / "worktrees" / "tree").mkdir(parents=True)
    tree.mkdir()
    (git / "packed-refs").write_text(f"{COMMIT} refs/heads/other\n")
    (git / "worktrees" / "tree" / "HEAD").write_text("ref: refs/heads/other\n")
    (git / "worktrees" / "tree" / "commondir").write_text("../..\n")
    (tree / ".git").write_text(f"gitdir: {git / 'worktrees' / 'tree'}\n")
    assert commit_of(tree) == COMMIT


def test_what_is_no_commit_is_not_stated(tmp_path: Path) -> None:
    (tmp_path / ".git").write_bytes(b"\xff\xfe")
    assert commit_of(tmp_path) == ""
    (tmp_path / ".git").unlink()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("<b>no commit</b>\n")
    assert commit_of(tmp_path) == ""
