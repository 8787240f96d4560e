"""Which run manifests stay."""

from pathlib import Path

from common.core.instants import compact_utc_text
from common.status.old_manifests import KEPT_MANIFESTS, remove_old_manifests
from procs.manifest import Manifest
from tests.status.test_health_http import Run
from tests.waiting import wait_for

DAY_NS = 86_400 * 10**9
NOW_NS = 1_795_435_200_000_000_000


def manifests(folder: Path, *ages_days: float) -> list[Path]:
    names = [f"{compact_utc_text(NOW_NS - int(age * DAY_NS))}-{n:04x}" for n, age in enumerate(ages_days)]
    paths = [folder / f"polymarket_ws_recorder_{name}.json" for name in names]
    for path in paths:
        path.touch()
    return paths


def test_the_newest_manifests_stay_however_old_they_are(tmp_path: Path) -> None:
    kept = manifests(tmp_path, *range(1000, 1000 + KEPT_MANIFESTS))
    old = manifests(tmp_path, 2000, 3000)
    assert remove_old_manifests(tmp_path, NOW_NS) == 2
    assert sorted(tmp_path.iterdir()) == sorted(kept)
    assert not any(path.exists() for path in old)


def test_all_manifests_of_a_month_stay_however_many_they_are(tmp_path: Path) -> None:
    manifests(tmp_path, *(n / 10 for n in range(2 * KEPT_MANIFESTS)))
    [old] = manifests(tmp_path, 30.1)
    assert remove_old_manifests(tmp_path, NOW_NS) == 1
    assert not old.exists()


def test_what_is_not_named_like_a_run_stays(tmp_path: Path) -> None:
    manifests(tmp_path, *range(KEPT_MANIFESTS))
    others = [
        "polymarket_ws_recorder_latest.json",
        "polymarket_ws_recorder_20010101T000000Z.json",
        "mine.json",
    ]
    for name in others:
        (tmp_path / name).touch()
    assert remove_old_manifests(tmp_path, NOW_NS) == 0
    assert all((tmp_path / name).exists() for name in others)


def test_a_run_removes_old_manifests_when_it_writes_its_own(tmp_path: Path) -> None:
    run = Run(tmp_path, 0)
    folder = run.runtime.data_root / "manifests"
    folder.mkdir(parents=True)
    manifests(folder, *range(100, 100 + KEPT_MANIFESTS + 3))
    run.say_supervisor()
    manifest = Manifest(run.runtime)
    wait_for(lambda: manifest.step(0) and len(list(folder.glob("*-*.json"))) <= KEPT_MANIFESTS, what="room")
    assert (folder / "polymarket_ws_recorder_latest.json").exists()
    manifest.close()
