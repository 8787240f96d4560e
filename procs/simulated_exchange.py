"""The process of the embedded exchange: binds, writes its ready file, runs until SIGTERM or its parent dies.

`python -m procs.simulated_exchange --options FILE.json --ready FILE.json --ends-with PID`
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from common.errors import EXIT_DONE, ConfigError, RecorderError
from common.files import replace
from common.runtime.logs import start_logging
from common.simulation.options import ExchangeUrls, SimulationOptions
from common.simulation.server import ExchangeServer

PARENT_CHECK_S = 0.5


async def serve(
    exchange: Callable[[], ExchangeServer],
    ready: Callable[[ExchangeUrls], None],
    *,
    duration_s: float | None = None,
    parent: int | None = None,
) -> None:
    """Run the exchange that is made until SIGTERM, SIGINT, its own end, that of `duration_s` or of this parent."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    if duration_s is not None:
        loop.call_later(duration_s, stop.set)
    if parent is not None:
        _watch_parent(loop, parent, stop)
    server = exchange()
    try:
        ready(await server.start())
        await server.run_until(stop)
    finally:
        await server.stop()


def _watch_parent(loop: asyncio.AbstractEventLoop, parent: int, stop: asyncio.Event) -> None:
    if os.getppid() != parent:
        stop.set()
    else:
        loop.call_later(PARENT_CHECK_S, _watch_parent, loop, parent, stop)


def write_ready_file(path: Path, urls: ExchangeUrls) -> None:
    """Write where the exchange answers; anyone who sees the file sees it whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, msgspec.json.encode(urls) + b"\n")


def read_options(path: Path) -> SimulationOptions:
    """The options of a file. Raises ConfigError naming file and key."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=SimulationOptions)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def main(arguments: list[str] | None = None) -> int:
    """Run the process; returns its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--options", type=Path, required=True, help="SimulationOptions as JSON")
    parser.add_argument("--ends-with", type=int, required=True, help="process id of the parent")
    parser.add_argument("--ready", type=Path, required=True, help="written when the exchange listens")
    namespace = parser.parse_args(arguments)
    start_logging("simulated_exchange", f"of-{namespace.ends_with}")  # it serves a command, not a run
    try:
        options = read_options(namespace.options)
        asyncio.run(
            serve(
                lambda: ExchangeServer(options),
                lambda urls: write_ready_file(namespace.ready, urls),
                parent=namespace.ends_with,
            )
        )
    except RecorderError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
