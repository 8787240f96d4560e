"""bin/tail-queue: shows envelopes as they pass, without slowing the recorder."""

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from common.core.instants import utc_text
from common.core.json_splice import encode_line
from common.core.merging.live import Shown
from common.core.option_types import duration, whole_number
from common.core.rows.names import STREAMS
from common.core.rows.origin import LEGS
from common.core.suggestion import suggestion
from common.core.terminal.rates import Rates, rates_rows
from common.core.terminal.text import clean
from common.errors import EXIT_DONE
from common.queue.tail import QueueTail, Tailed
from common.runtime.command_line import command
from common.runtime.command_line.asking import find_recorder, running_recorder
from common.runtime.run.orders import read_orders
from common.runtime.stop_signals import StopSignals
from common.terminal.legs import LEG_CHOICES, LegChoice, LegView
from common.terminal.line_output import Ended, LineOutput
from common.terminal.passing import KINDS, Filter, Passing, Reader, is_kind, payload_line

if TYPE_CHECKING:
    from common.terminal.tail_lines import TailLines

LOOK_S = 0.2
REPORT_S = 1.0
WAIT_S = 0.1
DESCRIPTION = """Shows envelopes as they pass. On a terminal one readable line each, otherwise one JSON object a line:
the archive's row. It reads a lossy copy that never slows the recorder, and reports on stderr what it missed."""
EXAMPLE = """bin/tail-queue --market btc-updown-5m --event-type last_trade_price
  bin/tail-queue --stream ws_raw --count 100 | jq .classified_event_types
  bin/tail-queue --rates"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Follow until told to stop, or until the recorder ends; the exit code."""
    return command.run(partial(_tail, build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser("tail-queue", DESCRIPTION, EXAMPLE)
    parser.add_argument("--stream", choices=STREAMS, default="", help="only this stream")
    parser.add_argument(
        "--market", default="", metavar="SLUG", help="only what names a market with this in its slug"
    )
    parser.add_argument("--token", default="", metavar="ID", help="only what names this token")
    parser.add_argument(
        "--event-type",
        type=_kind,
        metavar="T",
        help="only this event type, or record type of a row",
    )
    parser.add_argument(
        "--leg",
        choices=LEG_CHOICES,
        help="one leg of two, all, or both merged as they come, what is out of order or perhaps doubled marked"
        " late or doubtful (default: merged)",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--raw",
        action="store_true",
        help="payloads only, verbatim, one a line; one that holds line breaks becomes a JSON string",
    )
    how.add_argument(
        "--rates", action="store_true", help="messages and bytes by event type, second by second"
    )
    parser.add_argument(
        "--count", type=whole_number(1), metavar="N", help="end after N (with --rates: N seconds)"
    )
    parser.add_argument("--seconds", type=duration(), metavar="S", help="end after S seconds")
    return parser


def _kind(text: str) -> str:
    if not is_kind(text):
        raise argparse.ArgumentTypeError(f"there is no event type {text!r}{suggestion(text, KINDS)}")
    return text


def _tail(namespace: argparse.Namespace) -> int:
    recorder = find_recorder(command.load(namespace).paths)
    if recorder.process is None:
        raise recorder.refusal()
    run_dir = recorder.run_dir
    signals = StopSignals()
    view = _View(namespace, LineOutput(signals))
    tail = QueueTail(run_dir)
    try:
        _follow(tail, LegView(_choice(namespace.leg, run_dir)), view, signals, run_dir, namespace.seconds)
    except Ended:
        pass
    finally:
        _report(tail)
        tail.close()
    return EXIT_DONE


def _choice(asked: LegChoice | None, run_dir: Path) -> LegChoice:
    """What was asked for; else the union where there are two legs."""
    orders = read_orders(run_dir)
    return asked or ("merged" if orders is not None and orders.legs == len(LEGS) else "all")


def _follow(
    tail: QueueTail,
    legs: LegView,
    view: "_View",
    signals: StopSignals,
    run_dir: Path,
    seconds: float | None,
) -> None:
    begun = time.monotonic()
    next_look = next_report = begun
    recorder_lives = True
    while not signals.count and not view.complete:
        now = time.monotonic()
        if seconds is not None and now - begun >= seconds:
            return
        if now >= next_look:
            next_look = now + LOOK_S
            tail.look()
            recorder_lives = running_recorder(run_dir) is not None
        if now >= next_report:
            next_report = now + REPORT_S
            _report(tail)
            view.tick()
        passed = tail.receive(WAIT_S)
        for tailed in passed:
            view.show_all(legs.take(tailed))
        view.show_all(legs.tick(time.monotonic_ns()))
        if not passed and not recorder_lives:
            print("the recorder has ended", file=sys.stderr)
            return


def _report(tail: QueueTail) -> None:
    for name, count in tail.take_missed().items():
        print(f"missed {count:,} messages of {name}", file=sys.stderr, flush=True)


class _View:
    """What is printed of each envelope, and how many are still to come."""

    def __init__(self, namespace: argparse.Namespace, output: LineOutput) -> None:
        self.reader = Reader()
        self._filter = Filter(
            stream=namespace.stream,
            market=namespace.market,
            token=namespace.token,
            event_type=namespace.event_type or "",
        )
        self._output = output
        self._terminal = _terminal() if sys.stdout.isatty() else None
        self._raw: bool = namespace.raw
        self._rates = Rates() if namespace.rates else None
        self._left: int | None = namespace.count
        self._ticked = False

    @property
    def complete(self) -> bool:
        """Whether as many as asked for were shown."""
        return self._left == 0

    def show_all(self, shown: Iterable[Shown[Tailed]]) -> None:
        """Each of them, with its marks."""
        for each in shown:
            self.show(self.reader.read(each.item).marked(late=each.late, doubtful=each.doubtful))

    def show(self, passing: Passing) -> None:
        """Print it, or count it, if it is wanted."""
        if self.complete or not self._filter.wants(passing, self.reader.tokens):
            return
        if self._rates is not None:
            self._rates.count(passing.kinds, len(passing.content))
        elif not self._raw:
            self._print(self._line(self._terminal, passing) if self._terminal else passing.row)
        elif passing.payload is not None:
            self._print(_shown_raw(passing.payload, terminal=self._terminal is not None))

    def tick(self) -> None:
        """A second has passed: with --rates, print it."""
        if self._rates is None:
            return
        rates = self._rates.take()
        if not self._ticked:
            self._ticked = True  # the first second was not a whole one
            return
        at_utc = utc_text(time.time_ns())
        if self._terminal:
            self._print(self._terminal.rates(*rates_rows(at_utc, rates)))
        else:
            document = {"at_utc": at_utc, "rates": msgspec.to_builtins(rates)}
            self._print(encode_line(document) + b"\n")

    def _print(self, lines: bytes) -> None:
        self._output.write(lines)
        if self._left is not None:
            self._left -= 1

    def _line(self, terminal: "TailLines", passing: Passing) -> bytes:
        where, what = self.reader.words(passing)
        what = ", ".join((*passing.marks, what))
        at = utc_text(passing.received_at_ns)[11:23]
        return terminal.message(at, passing.name, passing.kinds, (where, what), row=not passing.is_message)


def _terminal() -> "TailLines":
    from common.terminal.tail_lines import TailLines  # noqa: PLC0415 - rich is only for what draws

    return TailLines()


def _shown_raw(payload: bytes, *, terminal: bool) -> bytes:
    line = payload_line(payload)
    return clean(line[:-1].decode(errors="replace")).encode() + b"\n" if terminal else line


if __name__ == "__main__":
    sys.exit(main())
