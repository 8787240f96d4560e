"""Uploads to real stores: what is proved, what is cleaned, and everything that must keep a local archive here."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.archive.read import closed_archives
from common.archive.upload_records import has_left, read_record
from common.archive.writing.open_archive import free_path
from common.archive.writing.store import LaneStore
from common.core.rows.names import WS_RAW, Layout, ledger_path, numbered_part, sidecar_path
from common.locks import FileLock
from tests.archive.recordings import DOWN, UP, Recorder, verified
from tests.archive.rows import HOUR_NS, NOON_NS, append_all, message
from tests.remote.stores import Store, Stores, Uploading, served_stores

KINDS = ("s3", "webdav", "local")


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with served_stores(tmp_path_factory.mktemp("stores")) as running:
        yield running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root with six closed archives, oldest first in the order of their paths."""
    recorder = Recorder(tmp_path / "d")
    recorder.open(UP, DOWN)
    recorder.messages(170)
    recorder.close_session()
    recorder.end()
    return tmp_path / "d"


def names(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in closed_archives(root)]


def tree(folder: Path) -> dict[str, str]:
    """The sha256 of every file below a folder, hidden ones left out."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.jsonl.gz*")
        if path.name.endswith((".jsonl.gz", ".jsonl.gz.manifest.json")) and not path.name.startswith(".")
    }


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_proved_is_cleaned_only_when_asked_and_restores_to_the_same_bytes(
    root: Path, stores: Stores, tmp_path: Path, kind: str
) -> None:
    store, before, paths = stores.store(kind), tree(root), names(root)
    first = Uploading(root, store)
    assert first.run() == ""
    assert first.paths("verified") == paths, "oldest first"
    assert (tree(root), tree(store.disk)) == (before, before)
    record = read_record(root, paths[0])
    assert record is not None
    assert (record.remote_path, record.sha256) == (f"{store.remote}/{paths[0]}", before[paths[0]])
    assert (record.proof, record.cleaned_at_utc) == ("read_back", None)

    again = Uploading(root, store, clean_up=True)
    assert again.run() == ""
    assert (again.paths("verified"), again.paths("cleaned")) == ([], paths)
    assert tree(root) == {}
    assert again.alarms == ()
    found = verified(root)
    assert (found.archives, found.findings) == (0, ())
    assert "6 archives were uploaded and proved" in found.notes[0]
    assert has_left(root, NOON_NS)
    assert not has_left(root, NOON_NS - HOUR_NS)

    shutil.copytree(store.disk, tmp_path / "restored")
    found = verified(tmp_path / "restored")
    assert (found.archives, found.findings) == (6, ())


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["s3", "webdav"])
def test_what_the_store_spoils_is_never_taken_for_proved_and_holds_nothing_else_up(
    root: Path, stores: Stores, kind: str
) -> None:
    store, before, paths = stores.store(kind), tree(root), names(root)

    def meddle() -> None:
        flip(store.disk / paths[0])
        cut = store.disk / paths[1]
        cut.write_bytes(cut.read_bytes()[:-5])
        (store.disk / paths[2]).unlink()
        flip(store.disk / sidecar_path(paths[3]))

    uploading = Uploading(root, store, clean_up=True)
    uploading.remote.meddle = meddle
    assert uploading.run() == ""
    assert uploading.paths("cleaned") == paths[4:]
    assert tree(root).keys() == {path for path in before if not path.startswith(tuple(paths[4:]))}
    assert len(uploading.alarms) >= 2
    for path in (paths[0], paths[3]):
        assert any(path in words and "other bytes" in words for words in uploading.alarms)
    for path in paths[:3]:
        assert path in uploading.words("alarm") + uploading.words("failed")
        assert read_record(root, path) is None
    assert "cannot be read back" in uploading.words("failed")
    assert verified(root).findings == ()


@pytest.mark.parametrize("kind", ["s3", "webdav"])
def test_an_archive_that_exists_remotely_with_other_bytes_is_never_overwritten(
    root: Path, stores: Stores, kind: str
) -> None:
    store, paths = stores.store(kind), names(root)
    shutil.copytree(root / "raw_orderbooks", store.disk / "raw_orderbooks")
    flip(store.disk / paths[0])  # of the same size
    (store.disk / paths[1]).write_bytes(b"another recorder's")
    (store.disk / sidecar_path(paths[2])).write_bytes(b"{}")
    theirs = tree(store.disk)
    uploading = Uploading(root, store, clean_up=True)
    assert uploading.run() == ""
    assert tree(store.disk) == theirs
    assert uploading.paths("cleaned") == paths[3:], "those that were there with our bytes are proved"
    assert [any(path in words for words in uploading.alarms) for path in paths[:3]] == [True] * 3
    assert "other bytes" in uploading.words("alarm")
    assert set(names(root)) == set(paths[:3])


def test_what_the_remote_loses_after_the_proof_stays_here_and_is_uploaded_again(
    root: Path, stores: Stores
) -> None:
    store, paths = stores.store("s3"), names(root)
    assert Uploading(root, store).run() == ""
    (store.disk / paths[0]).unlink()
    flip(store.disk / paths[1])
    uploading = Uploading(root, store, clean_up=True)
    assert uploading.run() == ""
    assert uploading.paths("cleaned") == paths[2:]
    assert names(root) == paths[:2]
    assert "it was there before" in uploading.words("failed")
    assert [path in words for path, words in zip(paths[1:2], uploading.alarms, strict=True)] == [True]
    again = Uploading(root, store)
    assert again.run() == ""
    assert again.paths("verified") == paths[:1]


def test_only_what_is_closed_plain_and_as_its_sidecar_says_is_uploaded(
    root: Path, stores: Stores, tmp_path: Path
) -> None:
    store, paths = stores.store("local"), names(root)
    altered, bare, linked, pointing, garbled, good = (root / path for path in paths)
    flip(altered)
    Path(sidecar_path(str(bare))).unlink()
    linked.with_name("backup").hardlink_to(linked)
    moved = tmp_path / "elsewhere.jsonl.gz"
    shutil.move(pointing, moved)
    pointing.symlink_to(moved)
    Path(sidecar_path(str(garbled))).write_text("{}")
    for name in (f".{good.name}.open", f".{good.name}", f"{good.name}.tmp", f"{good.name}.damaged"):
        shutil.copy(good, good.with_name(name))
    uploading = Uploading(root, store, clean_up=True)
    assert uploading.run() == ""
    assert set(tree(store.disk)) == {paths[5], sidecar_path(paths[5])}
    told = " | ".join(uploading.alarms)
    for path, words in zip(
        paths[:5],
        (
            "was altered after it was closed",
            "no sidecar",
            "hard links",
            "not a regular file",
            "cannot be read",
        ),
        strict=True,
    ):
        assert any(path in alarm and words in alarm for alarm in uploading.alarms), (words, told)
    assert all((root / path).exists() for path in paths[:5])
    assert uploading.uploads.figures is not None
    assert uploading.uploads.figures.backlog_files == 2, (
        "the altered one and the one with the garbled sidecar"
    )


@pytest.mark.parametrize("kind", ["s3", "webdav"])
def test_names_with_spaces_and_beyond_ascii_come_back_under_the_same_names(
    root: Path, stores: Stores, kind: str
) -> None:
    store, good = stores.store(kind), root / names(root)[0]
    odd = good.with_name("polymarket ü \U0001f4c8 #%&'+*[x]{y}.jsonl.gz")
    shutil.copy(good, odd)
    sidecar = json.loads(Path(sidecar_path(str(good))).read_bytes()) | {"archive": odd.name}
    Path(sidecar_path(str(odd))).write_text(json.dumps(sidecar))
    good.with_name("bad\nname.jsonl.gz").write_bytes(b"")
    good.with_name(os.fsdecode(b"not-\xff-text.jsonl.gz")).write_bytes(b"")
    before = tree(root)
    uploading = Uploading(root, store)
    assert uploading.run() == ""
    assert odd.relative_to(root).as_posix() in uploading.paths("verified")
    assert tree(store.disk) == {
        path: digest for path, digest in before.items() if "bad" not in path and "not-" not in path
    }
    assert sum("a name that not every remote can hold" in words for words in uploading.alarms) == 2


def test_a_changed_file_is_not_deleted_although_its_earlier_bytes_were_proved(
    root: Path, stores: Stores
) -> None:
    store, paths = stores.store("local"), names(root)
    uploading = Uploading(root, store, clean_up=True)
    uploading.remote.meddle = lambda: flip(root / paths[0])
    assert uploading.run() == ""
    assert "was changed after it was proved" in uploading.words("alarm")
    assert names(root) == paths[:1]


def test_a_removal_that_was_cut_in_two_is_finished(root: Path, stores: Stores) -> None:
    store, paths = stores.store("local"), names(root)
    assert Uploading(root, store).run() == ""
    (root / paths[0]).unlink()
    assert not any("sidecar" in finding.words for finding in verified(root).findings)
    uploading = Uploading(root, store, clean_up=True)
    assert uploading.run() == ""
    assert sorted(uploading.paths("cleaned")) == paths
    assert tree(root) == {}


def test_a_stores_own_hash_counts_only_where_the_store_computed_it_and_never_allows_to_delete(
    root: Path, stores: Stores
) -> None:
    paths = names(root)
    proofs = {}
    for kind in ("s3", "webdav"):
        uploading = Uploading(root, stores.store(kind), verify="remote_hash", clean_up=True)
        assert uploading.run() == ""
        assert uploading.paths("cleaned") == []
        proofs[kind] = {event.words for event in uploading.events if event.kind == "verified"}
    assert proofs == {"s3": {"remote_hash"}, "webdav": {"read_back"}}
    store = stores.store("s3")
    assert Uploading(root, store, verify="remote_hash").run() == ""
    stricter = Uploading(root, store, clean_up=True)
    assert stricter.run() == ""
    assert (stricter.paths("verified"), stricter.paths("cleaned")) == (paths, paths)


def test_an_object_that_was_there_before_is_read_back_whatever_its_hash(root: Path, stores: Stores) -> None:
    store = stores.store("s3")
    shutil.copytree(root / "raw_orderbooks", store.disk / "raw_orderbooks")
    uploading = Uploading(root, store, verify="remote_hash")
    assert uploading.run() == ""
    assert {event.words for event in uploading.events} == {"read_back"}


def test_a_name_that_left_is_not_used_again(root: Path, stores: Stores) -> None:
    path = names(root)[0]
    assert free_path(root, path) != path
    assert Uploading(root, stores.store("local"), clean_up=True).run() == ""
    assert not (root / path).exists()
    assert free_path(root, path) == numbered_part(path, 2)


def test_what_a_running_recorder_has_not_accounted_for_stays_and_a_sample_until_it_is_judged(
    root: Path, stores: Stores
) -> None:
    store, recorded = stores.store("local"), names(root)
    sample = LaneStore.open(root, 0, layout=Layout("sample", "r1"), gzip_level=1)
    append_all(sample, [message(1)])
    sample.close_all()
    sample.close()
    running = FileLock(root / ".recorder.lock", "the data root")
    uploading = Uploading(root, store, clean_up=True)
    assert uploading.run() == ""
    assert len(uploading.paths("verified")) == 7
    assert uploading.paths("cleaned") == []
    ledger = root / ledger_path(WS_RAW, NOON_NS)
    ledger.parent.mkdir(parents=True)
    ledger.write_text("{}")
    assert uploading.run() == ""
    assert uploading.paths("cleaned") == [path for path in recorded if "T120000Z_" in path]
    running.release()
    assert uploading.run() == ""
    assert sorted(uploading.paths("cleaned")) == recorded
    verdict = root / "manifests/checkpoint_010b_ws_raw_sample.json"
    verdict.parent.mkdir()
    verdict.write_text("{}")
    assert uploading.run() == ""
    assert names(root) == []
    assert ledger.exists()
    assert (store.disk / ledger_path(WS_RAW, NOON_NS)).read_text() == "{}"


def test_a_bucket_that_is_not_there_is_told_and_not_made(root: Path, stores: Stores) -> None:
    made = stores.store("s3")
    store = Store("S:another-bucket/x", made.disk, made.environment)
    assert "NoSuchBucket" in Uploading(root, store, clean_up=True).run()
    assert [path.name for path in made.disk.parent.parent.iterdir()] == ["bucket"]
    assert len(names(root)) == 6
