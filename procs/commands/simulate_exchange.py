"""Runs the embedded exchange by itself, or breaks one that runs."""

import argparse
import asyncio
import os
import sys
from functools import partial
from pathlib import Path

from common.core.option_types import duration, whole_number
from common.errors import EXIT_DONE
from common.runtime.command_line import command
from common.runtime.logs import start_logging
from common.simulation.faults import catalogue
from common.simulation.options import ExchangeUrls, add_arguments, options_from
from procs.simulated_exchange import serve, write_ready_file

EXAMPLES = """bin/simulate-exchange --port 8899 --window-seconds 60 --rate 300
  bin/simulate-exchange --port 8899 --oracle /tmp/oracle --fault freeze seconds=30
  bin/simulate-exchange fault close code=1013 reason=bye --url http://127.0.0.1:8899
"""
READY_FILE = "simulated_exchange.json"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["fault"]:
        return command.run(partial(_send_fault, words[1:]))
    return command.run(partial(_run, words))


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    parser = command.parser(name, description, EXAMPLES)
    parser.epilog = f"{parser.epilog}\n{catalogue.__doc__}"
    return parser


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = _parser(
        "simulate-exchange",
        "Plays Polymarket's market websocket, REST books and Gamma on one loopback port, until SIGTERM.\n"
        f"With --data-root it says there, in {READY_FILE}, where it listens.",
    )
    parser.add_argument(
        "--duration-seconds", type=duration(), metavar="SECONDS", help="end by itself after that"
    )
    parser.add_argument("--host", metavar="ADDRESS", help="a loopback address (default 127.0.0.1)")
    parser.add_argument("--port", type=whole_number(0, 65_535), metavar="N", help="default 0: a free one")
    add_arguments(parser, "")
    return parser


def _run(words: list[str]) -> int:
    namespace = build_parser().parse_args(words)
    command.load(namespace)  # refused like by every command; it has options of its own
    options = options_from(namespace, prefix="")
    start_logging("simulated_exchange", f"by-hand-{os.getpid()}")

    def ready(urls: ExchangeUrls) -> None:
        if namespace.data_root is not None:
            write_ready_file(Path(namespace.data_root) / READY_FILE, urls)
        _announce(urls)

    asyncio.run(serve(options, ready, duration_s=namespace.duration_seconds))
    return EXIT_DONE


def _announce(urls: ExchangeUrls) -> None:
    sys.stdout.write(
        f"The embedded exchange listens at {urls.clob_url}. Point a recorder at it with\n"
        f"export RECORDER__EXCHANGE__WS_URL={urls.ws_url}\n"
        f"export RECORDER__EXCHANGE__CLOB_URL={urls.clob_url}\n"
        f"export RECORDER__EXCHANGE__GAMMA_URL={urls.gamma_url}\n"
        f"export RECORDER__EXCHANGE__DATA_URL={urls.data_url}\n"
    )
    sys.stdout.flush()


def _send_fault(words: list[str]) -> int:
    parser = _parser("simulate-exchange fault", "Switches a fault of a running embedded exchange on.")
    parser.add_argument("name", metavar="NAME", help="a fault of the table below, or clear")
    parser.add_argument("values", nargs="*", metavar="KEY=VALUE", help="its keys")
    parser.add_argument(
        "--url", required=True, help="where the exchange listens, as in http://127.0.0.1:8899"
    )
    namespace = parser.parse_intermixed_args(words)
    fault = catalogue.parse_fault(namespace.name, namespace.values)
    catalogue.send_fault(namespace.url, fault)
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
