from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from common.config import RetentionSettings, Settings, UploadSettings
from common.core.instants import utc_text
from common.core.status.disk_outlook import DiskOutlook, Room
from common.core.uploads.outlook import Upload, UploadStated
from common.runtime.clock import Clock
from common.runtime.machine.disk_room import room_of
from common.runtime.process import Assignment, Runtime
from common.runtime.run.details import Details
from common.runtime.run.facts import Tally, write_facts
from common.status.board import StatusBoard
from common.status.compose import compose
from common.status.run_manifest import RunManifest
from tests.stated import UPLOADER, WRITER, facts

S = 1_000_000_000
BEGUN = 10**18
NOW = BEGUN + 5000 * S
ROOM = Room(1_000_000, 4_000_000)
UNBOUNDED = RetentionSettings()
ON = UploadSettings(enabled=True, remote="r:b", cleanup_after_verify=True)
SAID = replace(
    UPLOADER,
    backlog_files=2,
    backlog_bytes=2048,
    oldest_waiting_at_utc=utc_text(NOW - 90 * S),
    verified_files=5,
    last_success_at_utc=utc_text(NOW - 60 * S),
)


def assignment(
    upload: UploadSettings, folder: Path = Path("nowhere"), retention: RetentionSettings = UNBOUNDED
) -> Assignment:
    return Assignment(
        run_id="r1",
        mode="runtime",
        started_at_ns=BEGUN,
        data_root=str(folder),
        run_dir=str(folder / "run"),
        settings=Settings(upload=upload, retention=retention),
    )


def composed(
    details: UploadStated | None = None,
    upload: UploadSettings = ON,
    *,
    room: Room | None = ROOM,
    rate: float | None = 100,
    retention: RetentionSettings = UNBOUNDED,
) -> RunManifest:
    said = {} if details is None else {"uploader": facts("uploader", details)}
    return compose(
        assignment(upload, retention=retention),
        said,
        markets=(),
        now_ns=NOW,
        finished=False,
        room=room,
        archive_bytes_per_second=rate,
    )


class Life:
    """A run's folder under clocks that stand still, and what a manifest process that begins now sees in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "run" / "facts").mkdir(parents=True)
        self.now_ns = NOW

    def say(self, name: str, details: Details, written: int = 0) -> None:
        counters = {"archive_bytes_written_total": written}
        write_facts(self.folder / "run", facts(name, details, counters=counters))

    def begin(self, upload: UploadSettings = ON) -> StatusBoard:
        clock = Clock(wall_ns=lambda: self.now_ns, monotonic_ns=lambda: self.now_ns - BEGUN + 7 * S)
        return StatusBoard(Runtime("manifest", 0, assignment(upload, self.folder), Tally(None), clock))


def test_every_field_of_upload_and_disk_is_there_although_nobody_has_spoken() -> None:
    document = msgspec.to_builtins(composed(None, UploadSettings(), room=None, rate=None))
    assert set(document["upload"]) == set(Upload.__struct_fields__)
    assert document["upload"]["state"] is document["upload"]["backlog_files"] is None
    assert document["upload"]["enabled"] is False
    assert document["disk"] == dict.fromkeys(DiskOutlook.__struct_fields__)


def test_what_the_uploader_says_stands_in_the_manifest_with_what_follows_from_it() -> None:
    upload = composed(SAID).upload
    assert (upload.enabled, upload.cleans_up, upload.state, upload.remote) == (True, True, "idle", "r:b")
    assert (upload.backlog_files, upload.backlog_bytes, upload.verified_files) == (2, 2048, 5)
    assert (upload.backlog_age_seconds, upload.behind, upload.failing) == (90, False, False)


def test_the_interval_of_the_settings_decides_what_is_behind() -> None:
    late = replace(SAID, oldest_waiting_at_utc=utc_text(NOW - 4000 * S))
    assert composed(late).upload.behind
    assert not composed(late, replace(ON, interval_seconds=300)).upload.behind


def test_an_uploader_that_has_not_spoken_frees_no_room() -> None:
    manifest = composed(None)
    assert manifest.upload == Upload(enabled=True, cleans_up=True)
    assert manifest.disk == DiskOutlook(1_000_000, 4_000_000, 100, 10_000)


def test_an_uploader_that_gets_on_keeps_the_disk_from_filling() -> None:
    assert composed(SAID).disk == DiskOutlook(1_000_000, 4_000_000, 100, None)


@pytest.mark.parametrize(
    "upload",
    [
        UploadSettings(),
        replace(ON, cleanup_after_verify=False),
        replace(ON, verify="remote_hash"),
        replace(ON, enabled=False),
    ],
)
def test_the_disk_fills_where_nothing_may_be_deleted(upload: UploadSettings) -> None:
    manifest = composed(SAID, upload)
    assert not manifest.upload.cleans_up
    assert manifest.upload.enabled is upload.enabled
    assert manifest.disk.full_in_seconds == 10_000


def test_the_disk_fills_while_uploads_fail() -> None:
    manifest = composed(replace(SAID, last_error="away", last_error_at_utc=utc_text(NOW - S)))
    assert manifest.upload.failing
    assert manifest.disk.full_in_seconds == 10_000


KEEPS = replace(ON, cleanup_after_verify=False)
HOLDS = replace(SAID, held_bytes=5_000_000)
BOUND = RetentionSettings(max_bytes=5_000_000)
ALSO_UNPROVED = replace(BOUND, only_proved=False)


def test_the_disk_does_not_fill_while_retention_works() -> None:
    assert composed(HOLDS, KEEPS, retention=BOUND).disk == DiskOutlook(1_000_000, 4_000_000, 100, None)
    assert (
        composed(HOLDS, KEEPS, retention=replace(BOUND, max_bytes=6_000_000)).disk.full_in_seconds == 10_000
    )
    assert composed(HOLDS, KEEPS).disk.full_in_seconds == 10_000, "without it"


@pytest.mark.parametrize(
    "stated",
    [
        None,
        SAID,
        replace(HOLDS, verified_files=0),
        replace(HOLDS, last_error="away", last_error_at_utc=utc_text(NOW - S)),
        replace(HOLDS, oldest_waiting_at_utc=utc_text(NOW - 4000 * S)),
        replace(HOLDS, last_success_at_utc="lately"),
        replace(HOLDS, backlog_bytes=500_000),
    ],
    ids=["silent", "not looked", "nothing proved", "fails", "behind", "not understood", "too much waits"],
)
def test_the_disk_fills_where_retention_of_what_is_proved_does_not_work(stated: UploadStated | None) -> None:
    assert composed(stated, KEEPS, retention=BOUND).disk.full_in_seconds == 10_000


def test_a_hash_of_the_store_lets_nothing_go_so_the_disk_fills() -> None:
    named = replace(KEEPS, verify="remote_hash")
    assert composed(HOLDS, named, retention=BOUND).disk.full_in_seconds == 10_000
    assert composed(HOLDS, named, retention=ALSO_UNPROVED).disk.full_in_seconds is None


@pytest.mark.parametrize("upload", [KEEPS, UploadSettings()])
def test_where_the_unproved_goes_too_the_remote_does_not_matter(upload: UploadSettings) -> None:
    away = replace(HOLDS, verified_files=0, backlog_bytes=10**9, last_error="away")
    manifest = composed(away, upload, retention=ALSO_UNPROVED)
    assert manifest.disk.full_in_seconds is None
    assert manifest.upload.failing is upload.enabled
    assert (
        composed(replace(away, held_bytes=None), upload, retention=ALSO_UNPROVED).disk.full_in_seconds
        == 10_000
    )


def test_an_uploader_that_cannot_be_understood_is_told_of_and_spoils_nothing_else() -> None:
    manifest = composed(replace(SAID, last_success_at_utc="lately"))
    assert manifest.upload.failing
    assert "cannot be understood" in manifest.upload.last_error
    assert (manifest.upload.enabled, manifest.upload.state) == (True, None)
    assert manifest.disk.full_in_seconds == 10_000
    assert manifest.state == "STARTING"


def test_the_manifest_reads_back_as_it_was_written() -> None:
    manifest = composed(replace(SAID, alarms=("an archive differs",)))
    document = msgspec.json.decode(msgspec.json.encode(manifest))
    assert document.keys() == set(RunManifest.__struct_fields__)
    assert msgspec.convert(document["upload"], Upload) == manifest.upload
    assert document["books"] == {}, "nobody has stated any"


def test_a_manifest_process_that_was_restarted_goes_on_telling_of_uploads_and_growth(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.say("uploader", SAID)
    life.say("archive_writer-0", WRITER, written=600_000)
    life.say("archive_writer-1", WRITER, written=400_000)
    for _ in range(2):
        manifest = life.begin().manifest(finished=False)
        assert manifest.upload == composed(SAID).upload
        assert manifest.disk.archive_bytes_per_second == 200, "of the whole run, which lasts 5000 s"


def test_after_ten_minutes_only_they_count(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.say("archive_writer-0", WRITER, written=1_000_000)
    board = life.begin(UploadSettings())
    board.manifest(finished=False)
    life.now_ns += 600 * S
    life.say("archive_writer-0", WRITER, written=1_006_000)
    disk = board.manifest(finished=False).disk
    assert disk.archive_bytes_per_second == 10
    assert disk.free_bytes is not None
    assert disk.full_in_seconds == disk.free_bytes // 10


def test_a_run_that_is_over_has_no_outlook_but_its_room(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.say("archive_writer-0", WRITER, written=1_000_000)
    disk = life.begin().manifest(finished=True).disk
    assert disk.archive_bytes_per_second is disk.full_in_seconds is None
    assert disk.free_bytes is not None


def test_what_an_operator_should_see_to_does_not_make_the_recorder_unwell(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.say("uploader", replace(SAID, last_error="away", last_success_at_utc=None))
    status = life.begin().look()
    assert status.health.ok
    assert "upload fails: away" in status.warnings
    assert status.since_upload_s is None


def test_the_age_of_the_last_success_goes_by_the_wall_clock_and_is_never_negative(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.say("uploader", SAID)
    board = life.begin()
    assert board.look().since_upload_s == 60
    life.say("uploader", replace(SAID, last_success_at_utc=utc_text(NOW + 60 * S)))
    life.now_ns += S
    assert board.look().since_upload_s == 0


def test_room_is_that_of_the_file_system_and_none_where_there_is_no_such_folder(tmp_path: Path) -> None:
    room = room_of(tmp_path)
    assert room is not None
    assert 0 <= room.free_bytes <= room.total_bytes
    assert room_of(tmp_path / "missing") is None
