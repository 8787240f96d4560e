"""orderbook-recorder NAME: what an installed package has in place of bin/NAME."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence

from common.core.suggestion import suggestion
from common.errors import EXIT_DONE, EXIT_FAILED, EXIT_USAGE
from common.runtime.command_line.invocation import COMMANDS, DISTRIBUTION, PROGRAM
from common.version import PROGRAM_VERSION

EXTRAS = {  # command: the extra that it needs, and the modules that tell whether it is installed
    "export": ("parquet", ("pyarrow",)),
    "export-parquet": ("parquet", ("pyarrow",)),
    "benchmark": ("benchmark", ("orjson", "pyarrow", "trustme", "websockets")),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that is named first; its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in {"-h", "--help"}:
        print(usage())
        return EXIT_DONE if words else EXIT_USAGE
    if words[0] == "--version":
        print(f"{PROGRAM} {PROGRAM_VERSION}")
        return EXIT_DONE
    return _start(*words)


def _start(name: str, *rest: str) -> int:
    if name not in COMMANDS:
        print(f"error: there is no command {name!r}{suggestion(name, COMMANDS)}", file=sys.stderr)
        return EXIT_USAGE
    if missing := missing_modules(name):
        extra, _ = EXTRAS[name]
        print(
            f"error: {name} needs {', '.join(missing)}: install {DISTRIBUTION} with its extra {extra},"
            f" as in: pip install '.[{extra}]'",
            file=sys.stderr,
        )
        return EXIT_FAILED
    module = importlib.import_module(f"procs.commands.{name.replace('-', '_')}")
    run: Callable[[list[str]], int] = module.main
    return run(list(rest))


def usage() -> str:
    """The help text: every command in one line."""
    width = max(map(len, COMMANDS))
    return "\n".join(
        (
            f"usage: {PROGRAM} COMMAND [options]",
            "",
            "Records Polymarket's public order books, and reads the recordings.",
            "",
            *(f"  {name:<{width}}  {what}" for name, what in COMMANDS.items()),
            "",
            f"{PROGRAM} COMMAND --help shows the options of a command; {PROGRAM} --version the version.",
            "",
            "example:",
            f"  {PROGRAM} record-sample --exchange simulated --duration-seconds 20",
        )
    )


def missing_modules(name: str) -> list[str]:
    """The modules of a command's extra that are not installed."""
    _, modules = EXTRAS.get(name, ("", ()))
    return [module for module in modules if importlib.util.find_spec(module) is None]


if __name__ == "__main__":
    sys.exit(main())
