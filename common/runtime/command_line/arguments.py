"""The argument parser of every command: argparse, whose errors name what was probably meant."""

import argparse
import re
from typing import Any, NoReturn

from common.core.suggestion import closest

_CHOICE = re.compile(r"invalid choice: '(.*)' \(choose from (.*)\)")
_UNRECOGNIZED = "unrecognized arguments: "
_OPTION = re.compile(r"--[a-z][a-z-]*")


class CommandParser(argparse.ArgumentParser):
    """Without abbreviations, which a new option would make ambiguous."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - handed on as they are
        super().__init__(**options, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """End with the usage, what is wrong, and what is most like it."""
        super().error(message + "".join(f"; did you mean {meant!r}?" for meant in self._meant(message)))

    def _meant(self, message: str) -> list[str]:
        if choice := _CHOICE.search(message):
            pairs = [(choice[1], [name.strip("'") for name in choice[2].split(", ")])]
        elif message.startswith(_UNRECOGNIZED):
            options = _OPTION.findall(self.format_usage())
            words = message.removeprefix(_UNRECOGNIZED).split()
            pairs = [(word.partition("=")[0], options) for word in words if word.startswith("--")]
        else:
            pairs = []
        return [meant for word, known in pairs if (meant := closest(word, known))]


class ActionParser(CommandParser):
    """The parser of one action of a command: it refuses unknown options itself, with its own usage."""

    def parse_known_args(
        self,
        args: Any = None,  # noqa: ANN401 - as argparse has them
        namespace: Any = None,  # noqa: ANN401
    ) -> tuple[Any, list[str]]:
        """As argparse calls it for what follows the action; nothing unknown is left over."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(_UNRECOGNIZED + " ".join(unknown))
        return found, unknown
