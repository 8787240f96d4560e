"""bin/shell-completion: prints what lets a shell complete the commands, their options and choices."""

import argparse
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import shtab

from common.errors import EXIT_DONE
from common.runtime.command_line import command
from common.runtime.command_line.arguments import CommandParser
from common.runtime.command_line.invocation import COMMANDS, IN_CHECKOUT, PROGRAM
from procs.commands.orderbook_recorder import missing_modules

SHELLS = ("bash", "zsh")
_FILES = frozenset({"PATH", "ROOT"})
DESCRIPTION = """Prints a script that lets bash or zsh complete the commands: options, choices, files and folders.
Keep it in a file and source that when a shell starts; make it again after an update."""
EXAMPLE = """bin/shell-completion bash > ~/.orderbooks-completion; echo '. ~/.orderbooks-completion' >> ~/.bashrc
  bin/shell-completion zsh > ~/.orderbooks-completion; echo 'eval "$(cat ~/.orderbooks-completion)"' >> ~/.zshrc"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print it; the exit code."""
    return command.run(partial(_print, build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser("shell-completion", DESCRIPTION, EXAMPLE)
    parser.add_argument("shell", choices=SHELLS, help="for which shell")
    return parser


def _print(namespace: argparse.Namespace) -> int:
    parsers = dict(_parsers())
    for each in _one_program(parsers) if not IN_CHECKOUT else parsers.values():
        print(shtab.complete(each, shell=namespace.shell))
    return EXIT_DONE


def _parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The parser of each command whose extra is installed."""
    for name in COMMANDS:
        if not missing_modules(name):
            module = importlib.import_module(f"procs.commands.{name.replace('-', '_')}")
            build: Callable[[], argparse.ArgumentParser] = module.build_parser
            parser = build()
            _complete_files(parser)
            yield name, parser


def _one_program(parsers: dict[str, argparse.ArgumentParser]) -> list[argparse.ArgumentParser]:
    """The commands as those of the one program that an installed package has."""
    program = CommandParser(prog=PROGRAM)
    actions = program.add_subparsers(parser_class=argparse.ArgumentParser)
    for name, parser in parsers.items():
        actions.add_parser(name, help=COMMANDS[name])
        actions.choices[name] = parser
    return [program]


def _complete_files(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list of them, and shtab reads this one
        if action.metavar in _FILES or action.metavar == "DIR":
            setattr(action, "complete", shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE)  # noqa: B010 - shtab's own
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for each in action.choices.values():
                _complete_files(each)


if __name__ == "__main__":
    sys.exit(main())
