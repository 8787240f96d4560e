"""Cases that take away what the recorder stands on: its folder in memory, its data root, its log, its time."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from common.drill.bench import START_LIMIT_S, Bench, bench
from common.drill.judge import finish
from common.drill.outcome import Evidence, Plan

LONG_PAUSE_S = 25.0  # longer than any heartbeat may be missing
LEFT_S = 3.0  # for what was taken away to be there again


def spool_removed(plan: Plan, folder: Path) -> Evidence:
    """Remove all that is in the run's folder, as logind does at a logout."""
    with bench(plan, folder) as made:
        made.start()
        made.rest(plan.duration_s / 2)
        landed = made.has_open_rows()
        for path in made.run_dir.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        made.done.append("everything in the run's folder was removed")
        made.wait_for(
            _has(made, "producers/ws_reader-0/queue.sock"), "the outbox to be there again", START_LIMIT_S
        )
        made.rest(plan.duration_s / 2 + LEFT_S)
        return finish(made, counted=int(landed)).with_wrongs(_restarted(made))


def _has(made: Bench, name: str) -> Callable[[], bool]:
    return lambda: made.ended() or (made.run_dir / name).exists()


def _restarted(made: Bench) -> list[str]:
    return [f"{name} was started again" for name, count in made.restarts.items() if count]


def data_root_emptied(plan: Plan, folder: Path) -> Evidence:
    """Remove archives, journals and ledgers under those who write them."""
    with bench(plan, folder) as made:
        made.start()
        made.rest(plan.duration_s)
        landed = made.has_open_rows()
        with made.paused(*made.pids()):  # at one instant, as an unmounted disk would go
            for name in ("journal", "raw_orderbooks", "ledgers"):
                shutil.rmtree(made.data_root / name, ignore_errors=True)
        made.done.append("archives, journals and ledgers were removed")
        made.wait_for(
            lambda: made.ended() or made.has_open_rows(), "archives to be written again", START_LIMIT_S
        )
        made.rest(plan.duration_s + LEFT_S)
        return finish(made, counted=int(landed), declared=True)


def unread_log(plan: Plan, folder: Path) -> Evidence:
    """A pipe for a log, full, and nobody reads it; processes die and come back meanwhile."""
    with bench(plan, folder) as made, _full_pipe(folder / "log") as pipe:
        made.wrapper = ["sh", "-c", 'exec "$@" 2> "$0"', str(pipe)]
        made.start()
        made.rest(plan.duration_s / 2)
        counted = int(made.kill("archive_writer-0"))
        made.pid("archive_writer-0")
        made.rest(plan.duration_s / 2)
        made.done.append("the log was a full pipe that nobody read; kill -9 of archive_writer-0 meanwhile")
        return finish(made, counted=counted)


@contextlib.contextmanager
def _full_pipe(path: Path) -> Iterator[Path]:
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(descriptor, bytes(4096))
        yield path
    finally:
        os.close(descriptor)


def pause_everything(plan: Plan, folder: Path) -> Evidence:
    """Stop every process at once for longer than a heartbeat may be missing, and let all go on."""
    with bench(plan, folder) as made:
        made.start()
        made.rest(plan.duration_s / 2)
        landed = made.has_open_rows()
        with made.paused(*made.pids()):
            made.rest(LONG_PAUSE_S)
        made.done.append(f"SIGSTOP of every process for {LONG_PAUSE_S:g} s, then SIGCONT")
        made.wait_for(lambda: made.receiving() or made.ended(), "the reader to receive again", START_LIMIT_S)
        made.rest(plan.duration_s / 2 + LEFT_S)
        return finish(made, counted=int(landed)).with_wrongs(_restarted(made))
