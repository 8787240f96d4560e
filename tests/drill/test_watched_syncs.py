import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.drill.outcome import Inconclusive
from common.drill.watched_syncs import WatchedSyncs, watched_syncs

STORE = """
from pathlib import Path
from common.archive.writing.store import LaneStore
from common.core.rows.names import Layout
from common.core.rows.facts import RowFacts
store = LaneStore.open(Path("d"), 0, layout=Layout("runtime"), gzip_level=1)
for number in range(1, 4):
    store.append("ws_raw", "p", number, b'{"received_at_ns":1}\\n', RowFacts(1, "s"))
    store.commit()
store.close()
"""


@pytest.fixture
def syncs(tmp_path: Path) -> WatchedSyncs:
    try:
        return watched_syncs(tmp_path)
    except Inconclusive as error:
        pytest.skip(str(error))


def run_store(folder: Path, syncs: WatchedSyncs) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **syncs.environment}
    subprocess.run([sys.executable, "-P", "-c", STORE], cwd=folder, env=environment, check=True)


def test_the_store_commits_only_what_is_synced(tmp_path: Path, syncs: WatchedSyncs) -> None:
    run_store(tmp_path, syncs)
    events = syncs.log.read_text().splitlines()
    assert sum(event.endswith("lane-0.journal") for event in events) >= 3
    assert syncs.commits_ahead_of_data() == []


def test_a_commit_ahead_of_its_data_is_named(tmp_path: Path, syncs: WatchedSyncs) -> None:
    run_store(tmp_path, syncs)
    events = syncs.log.read_text().splitlines()
    at = next(index for index, event in enumerate(events) if event.endswith(".open"))
    events[at], events[at + 1] = events[at + 1], events[at]
    assert events[at].endswith(".journal")
    syncs.log.write_text("\n".join(events) + "\n")
    [wrong] = syncs.commits_ahead_of_data()
    assert wrong.startswith("lane-0.journal: a line counts")


def test_without_a_c_compiler_the_case_is_inconclusive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Inconclusive, match="C compiler"):
        watched_syncs(tmp_path)
