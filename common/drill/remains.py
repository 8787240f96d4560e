"""Cases about what is left on disk: a power cut, and archives that were altered."""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from common.archive.journal import read_journal
from common.archive.read import closed_archives
from common.archive.recorded import payloads_by_cf_ray
from common.archive.salvage.data_root import recover_data_root
from common.archive.verify.data_root import verify_data_root
from common.core.rows.names import OPEN_SUFFIX, WS_RAW
from common.core.verify.sequences import Finding
from common.drill.bench import bench
from common.drill.judge import finish
from common.drill.outcome import Evidence, Inconclusive, Plan
from common.drill.settings import COMMIT_INTERVAL_S
from common.drill.watched_syncs import watched_syncs
from common.simulation.oracle import OracleConnection, read_oracle

SLACK_S = 1.0  # from the exchange's socket to the writer's commit, on a busy machine


def power_cut(plan: Plan, folder: Path) -> Evidence:
    """Keep only what was synced, garble the rest, recover it, and look what is missing."""
    syncs = watched_syncs(folder)
    with bench(plan, folder) as made:
        made.environment = syncs.environment
        made.start()
        made.rest(plan.duration_s)
        landed = made.has_open_rows()
        left = folder / "after-power-cut"
        with made.paused(*made.pids()):
            cut_ns = time.time_ns()
            shutil.copytree(made.data_root, left)
        garbled = _lose_power(left, made.chance)
        recovered = recover_data_root(left, dry_run=False)
        rows = sum(each.rows_kept for each in recovered)
        made.done.append(
            f"power cut: of {garbled} open files only the synced bytes were kept, then zeros;"
            f" recovery closed {len(recovered)} with {rows} rows"
        )
        wrongs = syncs.commits_ahead_of_data()
        made.done.append("every sync was watched: no commit may count bytes that were not synced before it")
        wrongs += [f"after recovery: {each.where}: {each.words}" for each in verify(left)]
        evidence = finish(made, counted=int(landed and garbled > 0))
        wrongs += _missing(folder / "oracle", left, cut_ns)  # the exchange's account is complete only now
        return evidence.with_wrongs(wrongs)


def _lose_power(data_root: Path, chance: Random) -> int:
    """What no commit covers turns into zeros, from a random place on. Gives the number of files."""
    committed = {}
    for path in (data_root / "journal").glob("lane-*.journal"):
        line = read_journal(path)
        for file in line.files if line else ():
            committed[file.path.rpartition("/")[2]] = file.bytes
    paths = sorted(data_root.rglob(f".*{OPEN_SUFFIX}"))
    for path in paths:
        size = path.stat().st_size
        kept = committed.get(path.name.removeprefix(".").removesuffix(OPEN_SUFFIX), 0)
        os.truncate(path, chance.randint(min(kept, size), size))
        os.truncate(path, size)
    return len(paths)


def verify(data_root: Path) -> list[Finding]:
    """The findings of a verification."""
    return list(verify_data_root(data_root, partial=False, progress=lambda _rows: None).findings)


def _missing(oracle: Path, data_root: Path, cut_ns: int) -> list[str]:
    """What is missing that was sent before the last commit interval, out of order, or twice."""
    archives = [path for path in closed_archives(data_root) if f"_{WS_RAW}_" in path.name]
    recorded = payloads_by_cf_ray(archives)
    due_ns = cut_ns - int((COMMIT_INTERVAL_S + SLACK_S) * 1e9)
    return [
        words
        for connection in read_oracle(oracle)
        for words in _missing_of(connection, recorded.get(connection.cf_ray, ()), due_ns)
    ]


def _missing_of(connection: OracleConnection, got: Sequence[bytes], due_ns: int) -> list[str]:
    at = missing = 0
    for sent_at_ns, payload in connection.timed_frames():
        if at < len(got) and got[at] == payload:
            at += 1
        elif sent_at_ns < due_ns:
            missing += 1
    wrongs = []
    if missing:
        wrongs.append(f"{connection.cf_ray}: {missing} frames older than a commit interval are missing")
    if at < len(got):
        wrongs.append(f"{connection.cf_ray}: {len(got) - at} rows twice, out of order, or never sent")
    return wrongs


def _flip_a_bit(data: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


ALTERATIONS: tuple[tuple[str, Callable[[bytes, Random], bytes]], ...] = (
    ("a bit flipped", _flip_a_bit),
    ("the end cut", lambda data, chance: data[: chance.randrange(len(data))]),
    ("zeros at the end", lambda data, chance: data + bytes(chance.randrange(1, 4096))),
    ("its second half zeros", lambda data, _chance: data[: len(data) // 2].ljust(len(data), b"\0")),
)


def altered_archives(plan: Plan, folder: Path) -> Evidence:
    """Tear and flip closed archives; verification must name each, and nothing else."""
    with bench(plan, folder) as made:
        made.start()
        made.rest(plan.duration_s)
        evidence = finish(made, counted=1)
        archives = made.websocket_archives()
        if len(archives) < 2:
            raise Inconclusive(f"only {len(archives)} archives were closed; give it more --duration")
        wrongs = []
        for words, spoilt in ALTERATIONS:
            path = made.chance.choice(archives)
            good = path.read_bytes()
            path.write_bytes(spoilt(good, made.chance))
            found = verify(made.data_root)
            path.write_bytes(good)
            wrongs += [] if found else [f"{path.name}: {words}, and verification found nothing"]
            wrongs += [
                f"{each.where}: named though {path.name} was altered"
                for each in found
                if path.name not in each.where
            ]
        made.done.append(
            f"{len(ALTERATIONS)} archives altered, each by itself: {', '.join(words for words, _ in ALTERATIONS)}"
        )
        return evidence.with_wrongs(wrongs)
