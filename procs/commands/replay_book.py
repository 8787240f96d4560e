"""bin/replay-book: shows a token's book at a time, or steps through what happened to it."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from common.archive.views.book_views import Recording, view_at, views
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.option_types import instant_ns, whole_number
from common.core.terminal.keys import keys_of
from common.core.views.book_view import BookView
from common.core.views.markets_named import TokenChoice
from common.core.views.stepper import Stepper
from common.errors import EXIT_DONE, EXIT_USAGE
from common.runtime.command_line import command
from common.terminal.book_screen import FRAME_LINES, book_lines
from common.terminal.drawing import plain_lines
from common.terminal.screen import Screen

MOST_LEVELS = 500
SCREEN_LEVELS = 50  # remembered a side while stepping: more fit on few terminals
PLAIN_WIDTH = 100
WAIT_S = 3600.0
JUMPS_NS = {
    "right": NS_PER_SECOND,
    "left": -NS_PER_SECOND,
    "up": 10 * NS_PER_SECOND,
    "down": -10 * NS_PER_SECOND,
    "+": 60 * NS_PER_SECOND,
    "-": -60 * NS_PER_SECOND,
}
HINT = "space next  p previous  ←→ 1 s  ↑↓ 10 s  +- 1 min  q quit"
DESCRIPTION = """Rebuilds a token's book from closed archives. With --at it shows the book at that time; without, on a
terminal, it steps through everything that happened to it: space or n goes to the next event, p to the previous one,
the arrow keys jump 1 second (right, left) or 10 (up, down), + and - a minute, q quits. Two legs, and several data
roots, are merged: a book is known as long as one of them knows it."""
EXAMPLE = """bin/replay-book --market btc-updown-5m-1795435800 --outcome Up
  bin/replay-book --market btc-updown-5m-1795435800 --at 2026-11-23T12:12:00Z --depth 5
  bin/replay-book restored/ --token 1234567890 --at 2026-11-23T12:12:00Z --json"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Show or step; the exit code."""
    return command.run(partial(_replay, build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser("replay-book", DESCRIPTION, EXAMPLE, several_data_roots=True)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="only these archives or folders")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--market", default="", metavar="SLUG", help="the market, with --outcome")
    which.add_argument("--token", default="", metavar="ID", help="the token")
    parser.add_argument("--outcome", default="Up", metavar="NAME", help="which of its tokens (default: Up)")
    parser.add_argument("--at", type=instant_ns, metavar="TIME", help="the book at this time (UTC)")
    parser.add_argument("--since", type=instant_ns, metavar="TIME", help="begin stepping here (UTC)")
    parser.add_argument(
        "--depth",
        type=whole_number(1, MOST_LEVELS),
        default=10,
        metavar="N",
        help=f"levels a side with --at, to {MOST_LEVELS} (10)",
    )
    command.add_leg_arguments(parser)
    parser.add_argument("--json", action="store_true", help="with --at: one JSON document")
    return parser


def _replay(namespace: argparse.Namespace) -> int:
    recording = Recording(
        tuple(namespace.paths or command.data_roots(namespace)), namespace.leg, namespace.clock_error_ms
    )
    choice = TokenChoice(namespace.token, namespace.market, namespace.outcome)
    if namespace.at is not None:
        view = view_at(recording, choice, namespace.at, levels=namespace.depth)
        lines = book_lines(view, PLAIN_WIDTH, namespace.depth + FRAME_LINES)
        print(_json(view) if namespace.json else "\n".join(plain_lines(lines)))
        return EXIT_DONE
    if namespace.json or not sys.stdout.isatty():
        print("error: say --at TIME; stepping through needs a terminal", file=sys.stderr)
        return EXIT_USAGE
    coming = Stepper(views(recording, choice, levels=SCREEN_LEVELS, since_ns=namespace.since or 0))
    coming.next()
    if coming.current is None:
        print("error: nothing was recorded of this token from that time on", file=sys.stderr)
        return 1
    _step_through(coming)
    return EXIT_DONE


def _json(view: BookView) -> str:
    document = {
        **msgspec.to_builtins(view.token),
        "exchange": view.exchange,
        "received_at_utc": utc_text(view.received_at_ns),
        "event": view.event,
        "book": view.book,
        "not_known_since_utc": utc_text(view.unknown.since_ns) if view.unknown else None,
        "not_known_reason": view.unknown.reason if view.unknown else None,
        "timestamp_ms": view.timestamp_ms or None,
        "hash": view.hash or None,
        "verdict": view.verdict or None,
        "tick_size": view.tick_size or None,
        "bids": view.bids,
        "asks": view.asks,
        "bid_levels": view.bid_levels,
        "ask_levels": view.ask_levels,
        "differing_levels": [level._asdict() for level in view.differing],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode()


def _step_through(coming: Stepper) -> None:
    note = ""
    with Screen() as screen:
        while not screen.ended:
            view = coming.current
            assert view is not None
            screen.draw(book_lines(view, *screen.size(), hint=HINT, note=note))
            for key in keys_of(screen.keys(WAIT_S)):
                if key in {"q", "Q"}:
                    return
                note = _press(coming, key)


def _press(coming: Stepper, key: str) -> str:
    """Do what a key says; what to note if that was not possible."""
    if key in {" ", "n"}:
        return "" if coming.next() else "the recording ends here"
    if key == "p":
        return "" if coming.previous() else "nothing earlier is remembered"
    by_ns = JUMPS_NS.get(key, 0)
    if not by_ns or coming.jump(by_ns):
        return ""
    return "the recording ends here" if by_ns > 0 else "nothing earlier is remembered"


if __name__ == "__main__":
    sys.exit(main())
