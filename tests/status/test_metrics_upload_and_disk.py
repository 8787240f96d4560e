from typing import Any

from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from common.config import Settings, UploadSettings
from common.core.instants import utc_text
from common.core.status.disk_outlook import Room
from common.core.status.health import Verdict
from common.core.uploads.outlook import UploadStated
from common.runtime.process import Assignment
from common.status.board import Status
from common.status.compose import compose
from common.status.metrics import metrics_text
from tests.stated import UPLOADER, facts

S = 1_000_000_000
NOW = 2 * 10**18
ROOM = Room(1_000_000, 4_000_000)
IDLE = replace(UPLOADER, backlog_files=0, backlog_bytes=0, verified_files=5)


def metrics(
    said: UploadStated | None,
    *,
    enabled: bool = True,
    room: Room | None = ROOM,
    rate: float | None = 100,
    since_upload_s: float | None = None,
) -> dict[str, float]:
    """The metrics of uploads and of the disk that Prometheus would read, by their names without the prefix."""
    assignment = Assignment(
        run_id="r1",
        mode="runtime",
        started_at_ns=10**18,
        data_root="d",
        run_dir="r",
        settings=Settings(upload=UploadSettings(enabled=enabled)),
    )
    known = {} if said is None else {"uploader": facts("uploader", said)}
    manifest = compose(
        assignment,
        known,
        markets=(),
        now_ns=NOW,
        finished=False,
        room=room,
        archive_bytes_per_second=rate,
    )
    verdict = Verdict(ok=True, reason="")
    status = Status(manifest, verdict, verdict, verdict, (), {}, None, since_upload_s, {})
    samples = [
        sample
        for family in text_string_to_metric_families(metrics_text(status).decode())
        for sample in family.samples
    ]
    found = {sample.name.removeprefix("orderbooks_"): sample.value for sample in samples}
    counters = manifest.counters
    return {
        name: value
        for name, value in found.items()
        if name.startswith(("upload_", "disk_")) and name not in counters
    }


def uploads(said: UploadStated | None, **more: Any) -> dict[str, float]:  # noqa: ANN401 - any shape
    return {name: value for name, value in metrics(said, **more).items() if name.startswith("upload_")}


def disk(said: UploadStated | None = None, **more: Any) -> dict[str, float]:  # noqa: ANN401 - any shape
    return {name: value for name, value in metrics(said, **more).items() if name.startswith("disk_")}


def test_of_an_uploader_that_has_not_spoken_no_figure_is_made_up() -> None:
    assert uploads(None) == {"upload_enabled": 1}
    assert uploads(None, enabled=False) == {"upload_enabled": 0}


def test_an_uploader_that_gets_on_has_all_its_figures() -> None:
    assert uploads(IDLE, since_upload_s=12.5) == {
        "upload_enabled": 1,
        "upload_failing": 0,
        "upload_behind": 0,
        "upload_alarms": 0,
        "upload_backlog_files": 0,
        "upload_backlog_bytes": 0,
        "upload_backlog_age_seconds": 0,
        "upload_verified_files": 5,
        "upload_seconds_since_last_success": 12.5,
    }


def test_a_figure_that_is_not_known_is_missing_and_not_zero() -> None:
    assert uploads(UPLOADER) == {
        "upload_enabled": 1,
        "upload_failing": 0,
        "upload_behind": 0,
        "upload_alarms": 0,
    }


def test_trouble_shows_in_the_metrics() -> None:
    troubled = replace(
        IDLE,
        backlog_files=9,
        backlog_bytes=4096,
        oldest_waiting_at_utc=utc_text(NOW - 9000 * S),
        last_error="away",
        alarms=("a", "b", "c", "d"),
    )
    seen = uploads(troubled)
    assert (seen["upload_failing"], seen["upload_behind"], seen["upload_alarms"]) == (1, 1, 4)
    assert (seen["upload_backlog_files"], seen["upload_backlog_bytes"]) == (9, 4096)
    assert seen["upload_backlog_age_seconds"] == 9000


def test_the_disk_has_its_room_its_growth_and_its_end() -> None:
    assert disk() == {
        "disk_free_bytes": 1_000_000,
        "disk_total_bytes": 4_000_000,
        "disk_archive_bytes_per_second": 100,
        "disk_full_in_seconds": 10_000,
    }


def test_of_a_disk_only_what_is_known_is_told() -> None:
    assert disk(room=None, rate=None) == {}
    assert disk(room=None) == {"disk_archive_bytes_per_second": 100}
    assert disk(rate=0.0) == {
        "disk_free_bytes": 1_000_000,
        "disk_total_bytes": 4_000_000,
        "disk_archive_bytes_per_second": 0,
    }


def test_a_full_disk_is_told_as_zero_seconds() -> None:
    assert disk(room=Room(0, 4_000_000), rate=None)["disk_full_in_seconds"] == 0
