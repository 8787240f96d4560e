"""Runs the embedded exchange by itself, or breaks one that runs."""

import argparse
import asyncio
import os
import sys
from functools import partial
from pathlib import Path

from common.core.option_types import above_zero, duration, instant_ns, whole_number
from common.errors import EXIT_DONE, ConfigError
from common.runtime.command_line import command
from common.runtime.logs import start_logging
from common.runtime.playback.exchange import playing
from common.runtime.playback.markets import NAME
from common.runtime.playback.options import Playback
from common.simulation.faults import catalogue
from common.simulation.options import ExchangeUrls, add_arguments, options_from
from common.simulation.server import ExchangeServer
from procs.simulated_exchange import serve, write_ready_file

EXAMPLES = """bin/simulate-exchange --port 8899 --window-seconds 60 --rate 300
  bin/simulate-exchange --port 8899 --oracle /tmp/oracle --fault freeze seconds=30
  bin/simulate-exchange --replay data --speed 10 --from 2026-11-23T12:00:00Z --until 2026-11-23T13:00:00Z
  bin/simulate-exchange fault close code=1013 reason=bye --url http://127.0.0.1:8899
"""
MADE_UP = ("rate", "seed", "window_seconds", "protocol", "more_markets")  # options of made-up markets
REPLAYED = {name: name.replace("_", "-") for name in ("speed", "until", "market", "leg", "clock_error_ms")}
REPLAYED["since"] = "from"
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
        "Plays Polymarket's market websocket, REST books and Gamma on one loopback port, until SIGTERM. With --replay\n"
        "it plays what was recorded instead of made-up markets, and ends with the recording.\n"
        f"With --data-root it says there, in {READY_FILE}, where it listens.",
    )
    parser.add_argument(
        "--duration-seconds", type=duration(), metavar="SECONDS", help="end by itself after that"
    )
    parser.add_argument("--host", metavar="ADDRESS", help="a loopback address (default 127.0.0.1)")
    parser.add_argument("--port", type=whole_number(0, 65_535), metavar="N", help="default 0: a free one")
    add_arguments(parser, "")
    _add_replay(parser)
    return parser


def _add_replay(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("a recording played again")
    group.add_argument(
        "--replay", nargs="+", type=Path, metavar="ROOT", help="data roots, or archives, to play"
    )
    group.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        metavar="N",
        help="1 keeps the distances of receipt, 10 is ten times as fast, max as fast as clients take it (1)",
    )
    group.add_argument("--from", dest="since", type=instant_ns, metavar="TIME", help="begin here (UTC)")
    group.add_argument("--until", type=instant_ns, metavar="TIME", help="end here (UTC)")
    group.add_argument(
        "--market",
        action="append",
        default=[],
        metavar="NAME",
        help="only this market, by its slug, condition id or a token id (repeatable)",
    )
    command.add_leg_arguments(group)


def _speed(text: str) -> float | None:
    return None if text == "max" else above_zero(text)


def _playback(namespace: argparse.Namespace) -> Playback | None:
    """What is to be replayed, None for made-up markets. Raises ConfigError for options that do not go together."""
    given = {
        name for name in (*MADE_UP, *REPLAYED) if getattr(namespace, name) not in (None, [], 1.0, "merged")
    }
    wrong = given.intersection(REPLAYED if namespace.replay is None else MADE_UP)
    if wrong:
        options = ", ".join(sorted(f"--{REPLAYED.get(name, name.replace('_', '-'))}" for name in wrong))
        goes = "only goes with" if namespace.replay is None else "does not go with"
        raise ConfigError(f"command line: {options} {goes} --replay")
    if namespace.replay is None:
        return None
    return Playback(
        paths=tuple(namespace.replay),
        leg=namespace.leg,
        clock_error_ms=namespace.clock_error_ms,
        since_ns=namespace.since,
        until_ns=namespace.until,
        speed=namespace.speed,
        names=frozenset(namespace.market),
    )


def _run(words: list[str]) -> int:
    namespace = build_parser().parse_args(words)
    command.load(namespace)  # refused like by every command; it has options of its own
    options = options_from(namespace, prefix="")
    playback = _playback(namespace)
    start_logging("simulated_exchange", f"by-hand-{os.getpid()}")
    play = None if playback is None else playing(playback, _say)

    def ready(urls: ExchangeUrls) -> None:
        if namespace.data_root is not None:
            write_ready_file(Path(namespace.data_root) / READY_FILE, urls)
        _announce(urls, replays=playback is not None)

    asyncio.run(serve(lambda: ExchangeServer(options, play), ready, duration_s=namespace.duration_seconds))
    return EXIT_DONE


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _announce(urls: ExchangeUrls, *, replays: bool) -> None:
    reference = (
        "export RECORDER__REFERENCE__ENABLED=false\n"  # no such price is played
        f"export RECORDER__DISCOVERY__TAGS='[{NAME}]'\n"
        "and then, as in: bin/run-recorder --data-root data-replayed\n"
        if replays
        else f"export RECORDER__REFERENCE__RTDS_URL={urls.rtds_url}\n"
        f"export RECORDER__REFERENCE__BINANCE_URL={urls.binance_url}\n"
    )
    sys.stdout.write(
        f"The embedded exchange listens at {urls.clob_url}. Point a recorder at it with\n"
        f"export RECORDER__EXCHANGE__WS_URL={urls.ws_url}\n"
        f"export RECORDER__EXCHANGE__CLOB_URL={urls.clob_url}\n"
        f"export RECORDER__EXCHANGE__GAMMA_URL={urls.gamma_url}\n"
        f"export RECORDER__EXCHANGE__DATA_URL={urls.data_url}\n"
        f"{reference}"
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
