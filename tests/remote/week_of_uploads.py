"""A week compressed: 2,000 archives, a store that is down half of the time, an uploader that is killed on the way.

Not part of the suite, for its length: bin/run-tests tests/remote/week_of_uploads.py -s
WEEK_ARCHIVES in the environment makes it a shorter one.
"""

import os
import random
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

from common.archive.read import closed_archives
from common.archive.upload_records import upload_records
from common.core.rows.names import sidecar_path
from tests.archive.recordings import SECOND_NS, UP, Recorder, verified
from tests.end_to_end.running import run_command, started_command
from tests.remote.stores import IMPATIENT, RCLONE, Store, free_port, s3_environment, served
from tests.remote.test_uploads import tree

ARCHIVES = int(os.environ.get("WEEK_ARCHIVES", "2000"))
UP_S = DOWN_S = 20.0


def record_a_week(root: Path) -> None:
    recorder = Recorder(root)
    recorder.open(UP)
    while len(list((root / "raw_orderbooks").rglob("*.jsonl.gz"))) < ARCHIVES:
        for _ in range(500):
            recorder.messages(1)
            recorder.at_ns += 6 * SECOND_NS
        recorder.commit()
    recorder.close_session()
    recorder.end()


class Weather:
    """Serves the store for a while, and then does not, again and again."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder, port
        self._over = threading.Event()
        self.up_s = self.down_s = 0.0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Weather":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            self._over.wait(DOWN_S)
            up = time.monotonic()
            with served("s3", self._folder, self._port):
                self._over.wait(UP_S)
            self.down_s += up - began
            self.up_s += time.monotonic() - up


def test_a_week_with_a_store_that_is_down_half_of_the_time(tmp_path: Path) -> None:
    root, served_folder, port = tmp_path / "d", tmp_path / "served", free_port()
    (served_folder / "bucket").mkdir(parents=True)
    environment = {**s3_environment(port), **IMPATIENT}
    store = Store("S:bucket/week", served_folder / "bucket" / "week", environment)
    record_a_week(root)
    before, chance = tree(root), random.Random(7)
    archives = [path for path in before if path.endswith(".gz")]
    assert len(archives) >= ARCHIVES
    arguments = ("--data-root", "d", "--remote", store.remote, "--cleanup-after-verify")
    passes = Counter[str]()
    began = time.monotonic()
    with Weather(served_folder, port) as weather:
        while closed_archives(root):
            assert time.monotonic() - began < 1200, f"{len(closed_archives(root))} still here"
            with started_command(
                "upload_archives", *arguments, folder=tmp_path, environment=store.environment
            ) as process:
                try:
                    process.communicate(timeout=chance.uniform(10, 60))
                    passes["whole" if process.returncode == 0 else "failed"] += 1
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    passes["killed"] += 1
    took_s = time.monotonic() - began
    assert tree(store.disk) == before, "all are remote, none lost, none under another name"
    assert tree(root) == {}
    records = list(upload_records(root))
    assert sorted(record.path for record in records) == sorted(archives)
    assert all(record.cleaned_at_utc for record in records)
    assert verified(root).findings == ()
    restored = tmp_path / "restored"
    tenth = chance.sample(archives, len(archives) // 10)
    wanted = "".join(f"{path}\n{sidecar_path(path)}\n" for path in tenth)
    with served("s3", served_folder, port):
        subprocess.run(
            [RCLONE, "copy", "--files-from-raw", "-", "--no-traverse", f"{store.remote}/", str(restored)],
            input=wanted.encode(),
            env={**os.environ, **store.environment},
            check=True,
        )
    assert tree(restored) == {path: before[path] for path in tree(restored)}
    assert len(tree(restored)) == 2 * len(tenth)
    done = run_command("verify_archives", "restored/raw_orderbooks", folder=tmp_path)
    assert done.returncode == 0, done.stdout
    print(
        f"\n{len(archives):,} archives in {took_s:.0f} s, the store up for {weather.up_s:.0f} s and down for"
        f" {weather.down_s:.0f} s; passes: {dict(passes)}; {len(tenth)} restored and verified"
    )
