"""Archives leave the machine while the recorder runs, in windows of two seconds."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from common.archive.ledger import stored_ledgers
from common.archive.read import closed_archives
from common.archive.upload_records import upload_records
from common.core.rows.names import WS_RAW, window_start_of
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.options import SimulationOptions
from tests.end_to_end.recorders import recorder
from tests.end_to_end.running import run_command
from tests.remote.stores import IMPATIENT, Store, free_port, served, webdav_environment
from tests.waiting import wait_for

pytestmark = pytest.mark.unmeasured


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[EmbeddedExchange]:
    with EmbeddedExchange(SimulationOptions(rate=100), tmp_path / "exchange") as running:
        yield running


def test_archives_go_to_the_remote_while_recording_and_only_those_that_are_accounted_for_are_cleaned(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    root, port = tmp_path / "d", free_port()
    store = Store("W:store", tmp_path / "served" / "store", webdav_environment(port))
    store.disk.parent.mkdir()
    environment = {
        **store.environment,
        **IMPATIENT,
        "RECORDER__WRITER__ROTATION_INTERVAL_SECONDS": "2",
        "RECORDER__UPLOAD__ENABLED": "true",
        "RECORDER__UPLOAD__REMOTE": store.remote,
        "RECORDER__UPLOAD__INTERVAL_SECONDS": "1",
        "RECORDER__UPLOAD__CLEANUP_AFTER_VERIFY": "true",
    }
    with recorder(tmp_path, exchange, environment=environment) as running:
        with served("webdav", tmp_path / "served", port):
            running.wait_for_more("archives_cleaned_total", than=0)
            cleaned = [record for record in upload_records(root) if record.cleaned_at_utc]
            ledgers = stored_ledgers(root, WS_RAW)
            assert cleaned
            for record in cleaned:
                assert (store.disk / record.path).exists()
                assert window_start_of(record.path.rpartition("/")[2]) in ledgers
            running.kill("uploader")
            running.wait_for_more("uploads_verified_total")
        running.wait_for_more("upload_failures_total")
        wait_for(lambda: running.manifest["upload"]["failing"], what="the run manifest to tell of it")
        assert running.manifest["upload"]["last_error"]
        assert running.manifest["state"] == "RUNNING_RECEIVING"
        with served("webdav", tmp_path / "served", port):
            running.wait_for_more("uploads_verified_total")
            told = wait_for(
                lambda: (told := running.manifest)["upload"]["state"] == "idle" and told,
                what="an idle uploader",
            )
            upload = told["upload"]
            assert (upload["remote"], upload["alarms"], upload["failing"]) == (store.remote, [], False)
            assert upload["verified_files"] >= told["counters"]["uploads_verified_total"] > 0
            running.stop()
            assert_all_is_there(tmp_path, store, environment)


def assert_all_is_there(tmp_path: Path, store: Store, environment: Mapping[str, str]) -> None:
    """What is left goes by hand; what is restored verifies alone, its ledgers recomputed."""
    here = run_command("verify_archives", "--data-root", "d", folder=tmp_path)
    assert here.returncode == 0, here.stdout
    rest = run_command(
        "upload_archives", "--data-root", "d", "--json", folder=tmp_path, environment=environment
    )
    assert rest.returncode == 0, rest.stdout + rest.stderr
    assert json.loads(rest.stdout)["alarms"] == []
    assert closed_archives(tmp_path / "d") == []
    shutil.copytree(store.disk, tmp_path / "restored")
    restored = run_command("verify_archives", "--data-root", "restored", folder=tmp_path)
    assert restored.returncode == 0, restored.stdout
    assert "recomputed" in restored.stdout
