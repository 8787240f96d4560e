"""Retention on real archives: what goes leaves a record, and nobody takes it for a loss."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.archive.read import closed_archives
from common.archive.upload_records import has_left, read_record
from common.archive.views.recorded_span import refuse_outside
from common.core.rows.names import WS_RAW, ledger_path
from common.core.uploads.judgement import UploadEvent
from common.core.uploads.retention import Retention
from common.errors import ArchiveError
from common.locks import FileLock
from common.uploads.expiry import Expiry
from common.uploads.sealed import seal
from common.uploads.stock import Stock
from tests.archive.recordings import DOWN, UP, Recorder, verified
from tests.archive.rows import HOUR_NS, NOON_NS
from tests.remote.stores import Stores, Uploading, served_stores
from tests.remote.test_uploads import flip, names


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with served_stores(tmp_path_factory.mktemp("stores")) as running:
        yield running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root with archives of three windows."""
    recorder = Recorder(tmp_path / "d")
    recorder.open(UP, DOWN)
    recorder.messages(170)
    recorder.close_session()
    recorder.end()
    return tmp_path / "d"


def sizes(root: Path) -> int:
    return sum(path.stat().st_size for path in closed_archives(root))


def windows(paths: list[str]) -> set[str]:
    return {path.partition("T")[2][:4] for path in (each.rpartition("_20")[2] for each in paths)}


class Expiring:
    """A pass of retention without a remote."""

    def __init__(self, root: Path, retention: Retention) -> None:
        self.events: list[UploadEvent] = []
        self.expiry = Expiry(root, Stock(root, "", "read_back"), retention, self.events.append)

    def run(self) -> list[str]:
        assert self.expiry.run_pass() == ""
        assert self.expiry.held_bytes is not None
        return [event.path for event in self.events if event.kind == "cleaned"]


def test_only_what_is_proved_goes_and_what_stays_is_the_newest(root: Path, stores: Stores) -> None:
    store, before = stores.store("s3"), names(root)
    kept = sizes(root) // 2
    retention = Retention(max_bytes=kept)
    away = Uploading(root, stores.store("webdav"), retention=retention, rclone="/bin/false")
    assert away.run() != ""
    assert names(root) == before, "nothing is proved, so nothing goes"
    uploading = Uploading(root, store, retention=retention)
    assert uploading.run() == ""
    gone = uploading.paths("cleaned")
    assert 0 < len(gone) < len(before)
    assert sizes(root) <= kept
    assert uploading.uploads.figures is not None
    assert uploading.uploads.figures.held_bytes == sizes(root)
    assert names(root) == [path for path in before if path not in gone]
    for path in gone:
        record = read_record(root, path)
        assert record is not None
        assert record.cleaned_at_utc is not None
        assert (record.cleaned_because, record.proof) == ("retention.max_bytes", "read_back")
        assert record.sidecar is not None
        assert (store.disk / path).exists()
    found = verified(root)
    assert found.findings == ()
    assert f"{len(gone)} archives were uploaded and proved, and are no longer here" in found.notes[0]
    again = Uploading(root, store, retention=retention)
    assert again.run() == ""
    assert again.paths("cleaned") == []


def test_what_the_remote_has_lost_by_then_stays(root: Path, stores: Stores) -> None:
    store = stores.store("local")
    assert Uploading(root, store).run() == ""
    before = names(root)
    for path in before:
        flip(store.disk / path)
    uploading = Uploading(root, store, retention=Retention(max_bytes=1))
    uploading.run()
    assert (uploading.paths("cleaned"), names(root)) == ([], before)
    assert uploading.alarms


def test_age_is_counted_from_the_newest_window(root: Path, stores: Stores) -> None:
    uploading = Uploading(root, stores.store("local"), retention=Retention(max_age_seconds=30))
    before = names(root)
    assert uploading.run() == ""
    newest = max(windows(before))
    assert windows(names(root)) == {newest}
    assert windows(uploading.paths("cleaned")) == windows(before) - {newest}


def test_without_a_remote_it_deletes_only_where_that_was_said_and_leaves_a_record(root: Path) -> None:
    before = names(root)
    gone = Expiring(root, Retention(max_bytes=1)).run()
    assert gone
    assert windows(names(root)) == {max(windows(before))}
    for path in gone:
        record = read_record(root, path)
        assert record is not None
        assert (record.proof, record.remote) == ("none", "")
        assert record.cleaned_because == "retention.max_bytes"
        assert record.cleaned_at_utc is not None
        assert record.sidecar is not None
    found = verified(root)
    assert found.findings == ()
    assert "were deleted by retention without a proved copy" in found.notes[0]
    assert has_left(root, NOON_NS)
    assert Expiring(root, Retention(max_bytes=1)).run() == []


def test_it_states_what_it_left_here_and_nothing_while_it_cannot_delete(root: Path) -> None:
    expiring = Expiring(root, Retention(max_bytes=1))
    assert expiring.expiry.held_bytes is None, "it has not looked"
    in_the_way = root / "uploads"
    in_the_way.write_text("where the records belong")
    assert expiring.expiry.run_pass() != ""
    assert expiring.expiry.held_bytes is None
    in_the_way.unlink()
    expiring.run()
    assert expiring.expiry.held_bytes == sizes(root) > 0


def test_a_replay_of_what_has_left_says_where_it_is(root: Path, stores: Stores) -> None:
    store = stores.store("local")
    assert Uploading(root, store, retention=Retention(max_age_seconds=30)).run() == ""
    with pytest.raises(ArchiveError, match=r"was here and was deleted: restore it from .*store"):
        refuse_outside([root], NOON_NS + 1_000_000_000)
    with pytest.raises(ArchiveError) as before:
        refuse_outside([root], NOON_NS - HOUR_NS)
    assert "deleted" not in str(before.value)


def test_what_a_running_recorder_has_not_accounted_for_stays(root: Path) -> None:
    running = FileLock(root / ".recorder.lock", "the data root")
    before = names(root)
    assert Expiring(root, Retention(max_bytes=1)).run() == []
    ledger = root / ledger_path(WS_RAW, NOON_NS)
    ledger.parent.mkdir(parents=True)
    ledger.write_text("{}")
    gone = Expiring(root, Retention(max_bytes=1)).run()
    running.release()
    assert gone == [path for path in before if "T120000Z_" in path]
    assert ledger.exists()


def test_what_is_altered_or_open_or_of_two_names_stays(root: Path, tmp_path: Path) -> None:
    altered, linked, *_ = names(root)
    flip(root / altered)
    os.link(root / linked, tmp_path / "another name")
    hidden = (root / altered).with_name(".open.jsonl.gz.open")
    hidden.write_bytes(b"rows")
    expiring = Expiring(root, Retention(max_bytes=1))
    gone = expiring.run()
    assert gone
    assert {altered, linked}.isdisjoint(gone)
    assert hidden.read_bytes() == b"rows"
    assert [event.path for event in expiring.events if event.kind == "alarm"] == [altered]


def test_a_removal_that_was_cut_in_two_is_finished(root: Path) -> None:
    path = names(root)[0]
    stock = Stock(root, "", "read_back")
    stock.look()
    stock.record_unproved(seal(root, path), NOON_NS, "retention.max_bytes")
    (root / path).unlink()
    assert verified(root).findings == ()
    assert path in Expiring(root, Retention(max_bytes=1 << 40)).run()
    assert not (root / f"{path}.manifest.json").exists()
    record = read_record(root, path)
    assert record is not None
    assert record.cleaned_because == "retention.max_bytes"
    assert record.cleaned_at_utc is not None
