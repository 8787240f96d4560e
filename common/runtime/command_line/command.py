"""What every command does alike: its arguments, its settings, and how its errors reach the user."""

import argparse
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from common.config import SELECTING, PathSettings, Settings
from common.config_loading import load_settings
from common.config_sources import Layer, misspelt_variables, read_environment
from common.core.merging.messages import SUREST_NEEDED_MS
from common.core.option_types import instant_ns, number_within
from common.core.rows.origin import LEG_CHOICES
from common.errors import EXIT_DONE, EXIT_FAILED, RecorderError
from common.runtime.command_line.arguments import CommandParser
from common.runtime.command_line.invocation import as_typed, program_name
from common.runtime.log_output import fill_standard_streams
from common.runtime.logs import flush_logs
from common.version import PROGRAM_VERSION

CONF = Path(__file__).resolve().parents[3] / "conf"
RUNTIME_CONFIG = "recorder.yaml"
SAMPLE_CONFIG = "polymarket_ws_sample.example.yaml"
SIMULATED_DATA_ROOT = "data-simulated"
SIMULATED_REPORTS_ROOT = "reports-simulated"


def parser(
    prog: str,
    description: str,
    example: str,
    *,
    default_config: str = RUNTIME_CONFIG,
    several_data_roots: bool = False,
) -> argparse.ArgumentParser:
    """An argument parser with `--config`, `--data-root` and `--version`; `example` is a command line shown by `--help`.

    `default_config` names the file in conf/ that is read without `--config`. With `several_data_roots` the option may
    be repeated: `data_roots` then gives them all.
    """
    arguments = CommandParser(
        prog=program_name(prog),
        description=as_typed(description),
        epilog=f"example:\n  {as_typed(example)}",
    )
    arguments.add_argument(
        "--config", type=Path, metavar="PATH", help=f"settings file (default: conf/{default_config})"
    )
    arguments.add_argument(
        "--data-root",
        metavar="DIR",
        action="append" if several_data_roots else "store",
        help="where data is kept (default: from the settings)"
        + ("; repeat it to merge the recordings of several hosts" if several_data_roots else ""),
    )
    arguments.add_argument("--version", action="version", version=f"%(prog)s {PROGRAM_VERSION}")
    arguments.set_defaults(default_config=default_config)
    return arguments


def add_leg_arguments(arguments: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add the options of a command that reads archives as one stream."""
    arguments.add_argument(
        "--leg",
        choices=LEG_CHOICES,
        default=LEG_CHOICES[0],
        help="one of the two connections alone, instead of the one stream that they are merged to",
    )
    add_clock_error_argument(arguments)


def add_stretch_arguments(arguments: argparse.ArgumentParser, *, since: str, until: str) -> None:
    """Add the options that choose of a recording a stretch of time and markets; `since` and `until` are their help."""
    arguments.add_argument("--since", type=instant_ns, default=0, metavar="TIME", help=since)
    arguments.add_argument("--until", type=instant_ns, default=1 << 62, metavar="TIME", help=until)
    arguments.add_argument(
        "--market", action="append", default=[], metavar="SLUG", help="only this market; may be repeated"
    )


def add_clock_error_argument(arguments: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add the option that tells of clocks what a recording does not."""
    arguments.add_argument(
        "--clock-error-ms",
        type=number_within(0, SUREST_NEEDED_MS),
        metavar="MS",
        help="for several hosts: how far a clock may be off that the recording knows nothing of",
    )


def data_roots(namespace: argparse.Namespace) -> list[Path]:
    """The data roots of a command that takes several. Raises ConfigError."""
    given: list[str] = namespace.data_root or [load(namespace).paths.data_root]
    return [Path(root) for root in given]


def add_selection_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the options that name what to record; together they replace what the settings name."""
    group = arguments.add_argument_group(
        "what to record (repeatable; one of these replaces all that the settings name)"
    )
    for option, key, what in (
        ("--series", "series", "a series, as btc-up-or-down-5m"),
        ("--tag", "tags", "all open markets of a tag, as politics"),
        ("--event", "events", "all open markets of an event: its slug or its page's address"),
        ("--market", "markets", "one market: its slug, condition id or page's address"),
    ):
        group.add_argument(option, dest=key, action="append", metavar="NAME", help=what)


def selection_options(namespace: argparse.Namespace) -> dict[str, list[str] | None]:
    """What the options named, as keys of `discovery`."""
    return {key: getattr(namespace, key) for key in SELECTING}


def selection_words(namespace: argparse.Namespace) -> list[str]:
    """The options that name what to record, as they are typed."""
    return [
        word
        for key, option in zip(SELECTING, ("--series", "--tag", "--event", "--market"), strict=True)
        for name in getattr(namespace, key) or ()
        for word in (option, name)
    ]


def load(namespace: argparse.Namespace, extra_options: Layer | None = None) -> Settings:
    """The settings for a parsed command line. `extra_options` are its other options: section, key, value.

    A None among them was not given. With `--exchange simulated` the default folders are those of simulated data.
    Raises ConfigError.
    """
    options = {
        section: {key: value for key, value in keys.items() if value is not None}
        for section, keys in (extra_options or {}).items()
    }
    if namespace.data_root is not None:
        given = namespace.data_root
        root = given[0] if isinstance(given, list) else given
        options["paths"] = {**options.get("paths", {}), "data_root": root}
    settings = _load(namespace, options)
    if getattr(namespace, "exchange", None) == "simulated":
        apart = _kept_apart(settings, options)
        settings = msgspec.structs.replace(settings, paths=msgspec.structs.replace(settings.paths, **apart))
    return settings


def _kept_apart(settings: Settings, options: Layer) -> dict[str, str]:
    """Folders of their own for simulated data, where nobody chose another than those that live data goes to."""
    chosen = options.get("paths", {}).keys() | read_environment(os.environ).get("paths", {}).keys()
    if "data_root" in chosen or settings.paths.data_root != PathSettings().data_root:
        return {}
    apart = {"data_root": SIMULATED_DATA_ROOT}
    if "reports_root" not in chosen and settings.paths.reports_root == PathSettings().reports_root:
        apart["reports_root"] = SIMULATED_REPORTS_ROOT
    return apart


def _load(namespace: argparse.Namespace, options: Layer) -> Settings:
    path: Path | None = namespace.config
    if path is None:
        shipped = CONF / namespace.default_config
        path = shipped if shipped.exists() else None
    for name, meant in misspelt_variables(os.environ):
        print(f"warning: environment: {name} is not read; did you mean {meant}?", file=sys.stderr)
    return load_settings(path, environment=os.environ, options=options)


def run(main: Callable[[], int]) -> int:
    """The exit code of a command: one `error: ...` line for what a user can act on, never its traceback.

    An interrupted command has not done its work: it ends with 1, without a traceback.
    """
    fill_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal or locale that knows only ASCII
    try:
        code = main()
        sys.stdout.flush()
    except RecorderError as error:
        flush_logs()
        print(f"error: {as_typed(' '.join(str(error).split()))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return EXIT_FAILED
    except BrokenPipeError:
        # The reader of our output, `head` perhaps, has left; at exit Python would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_DONE
    return code
