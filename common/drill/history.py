"""The slow case of a long history: a year of archives in the data root, and what the processes cost beside it."""

import gzip
import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import psutil

from common.archive.journal import LaneRange
from common.archive.sidecar import SIDECAR_SCHEMA_VERSION, Sidecar
from common.core.instants import utc_text
from common.core.rows.names import WS_RAW, Layout, ledger_path, sidecar_path
from common.core.uploads.record import SCHEMA_VERSION, UploadRecord, record_path, remote_place
from common.drill.bench import START_LIMIT_S, bench
from common.drill.outcome import Counts, Evidence, Plan
from common.version import PROGRAM_VERSION

HOURS = 365 * 24
ENDS_BEFORE_S = 3 * 3600  # nobody accounts for the windows between history and recording: they are too many
PRODUCER = "ws_reader-0-of-last-year"
SETTLE_S = 5.0  # what is done once, at the start, is not counted
MIB = 1 << 20
MOST_TIMES, MOST_CPU, MOST_MIB = 1.5, 0.03, 24.0  # dearer than without history, by more than noise

Cost = tuple[float, float]  # cores, MiB


def a_year(plan: Plan, folder: Path) -> Evidence:
    """Record for some time with an empty data root, and for as long with a year of hours in it."""
    empty, _ = _recorded(plan, folder / "empty", history=False)
    full, done = _recorded(plan, folder / "full", history=True)
    wrongs = []
    for name, (cpu, memory) in full.items():
        before_cpu, before_memory = empty.get(name, (0.0, 0.0))
        done.append(
            f"{name}: {before_cpu:.3f} -> {cpu:.3f} of a core, {before_memory:.1f} -> {memory:.1f} MiB"
        )
        if cpu > before_cpu * MOST_TIMES + MOST_CPU or memory > before_memory + MOST_MIB:
            wrongs.append(f"{name} costs more with a year of history")
    return Evidence(done, wrongs, Counts())


def _recorded(plan: Plan, folder: Path, *, history: bool) -> tuple[Mapping[str, Cost], list[str]]:
    """What each process costs, by name, and what was done."""
    folder.mkdir()
    remote = folder / "remote"
    remote.mkdir()
    with bench(plan, folder) as made:
        made.environment = {"RECORDER__UPLOAD__ENABLED": "true", "RECORDER__UPLOAD__REMOTE": str(remote)}
        made.environment |= {"RECORDER__UPLOAD__INTERVAL_SECONDS": "10"}
        if history:
            write_history(folder / "data", str(remote), time.time_ns())
            made.done.append(f"{HOURS:,} hours of history, each with archive, sidecar, ledger and records")
        made.start()
        made.wait_for(lambda: made.ended() or "uploader" in made.facts(), "the uploader", START_LIMIT_S)
        made.rest(SETTLE_S)
        before = {name: _cpu_s(pid) for name, pid in made.pids().items()}
        began_s = time.monotonic()
        made.rest(plan.duration_s)
        took_s = time.monotonic() - began_s
        costs = {
            name: ((_cpu_s(pid) - before[name]) / took_s, psutil.Process(pid).memory_info().rss / MIB)
            for name, pid in made.pids().items()
            if name in before
        }
        made.stop()
        return costs, made.done


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def write_history(data_root: Path, remote: str, now_ns: int) -> None:
    """A year of hours that ended some hours ago: all accounted for, all proved to be at the remote."""
    row = b'{"record_type":"gap","exchange":"simulated","producer":"%b"}\n' % PRODUCER.encode()
    data = gzip.compress(row)
    sha256 = hashlib.sha256(data).hexdigest()
    hour_ns = 3600 * 10**9
    newest_ns = (now_ns - ENDS_BEFORE_S * 10**9) // hour_ns * hour_ns
    for number in range(HOURS):
        start_ns = newest_ns - (HOURS - 1 - number) * hour_ns
        path = Layout("runtime").path(
            WS_RAW, PRODUCER, lane=0, first_sequence=number + 1, window_start_ns=start_ns
        )
        sidecar = Sidecar(
            schema_version=SIDECAR_SCHEMA_VERSION,
            archive=path.rpartition("/")[2],
            stream=WS_RAW,
            lane=0,
            rows=1,
            bytes=len(data),
            sha256=sha256,
            uncompressed_bytes=len(row),
            first_received_at_utc=utc_text(start_ns),
            last_received_at_utc=utc_text(start_ns),
            producers={PRODUCER: LaneRange(number + 1, number + 1, 1)},
            sessions=(),
            gaps=(),
            recovered=False,
            bytes_cut=0,
            exchange="simulated",
            program_version=PROGRAM_VERSION,
        )
        ledger = ledger_path(WS_RAW, start_ns)
        _put(data_root / path, data)
        _put(data_root / sidecar_path(path), msgspec.json.encode(sidecar))
        _put(data_root / ledger, b"{}")
        for proved, content in ((path, data), (ledger, b"{}")):
            _put(data_root / record_path(proved), msgspec.json.encode(_record(proved, content, remote)))
        for name in (path, ledger):  # folders that changed just now would be looked at as new ones are
            os.utime((data_root / name).parent, ns=(start_ns + hour_ns, start_ns + hour_ns))


def _record(path: str, data: bytes, remote: str) -> UploadRecord:
    return UploadRecord(
        schema_version=SCHEMA_VERSION,
        path=path,
        remote=remote,
        remote_path=remote_place(remote, path),
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        proof="read_back",
        verified_at_utc="2026-01-01T00:00:00.000000Z",
        program_version=PROGRAM_VERSION,
    )


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
