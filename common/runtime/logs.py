"""JSON logs: one record a line on stderr, with process name and run id in each; nobody waits for their reader.

On a terminal a person reads them, and gets short lines instead.
"""

import logging
import sys
from types import TracebackType

from pythonjsonlogger.json import JsonFormatter

from common.runtime.log_output import log_output
from common.runtime.short_lines import ShortLines, stderr_is_terminal


def start_logging(process: str, run_id: str, *, level: int = logging.INFO) -> None:
    """Send every log record of this process to stderr, and the end by a bug as well."""
    handler = log_output()
    handler.setFormatter(ShortLines(process) if stderr_is_terminal() else _json_lines(process, run_id))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    sys.excepthook = _log_bug
    logging.captureWarnings(True)  # noqa: FBT003 - as the library has it


def _json_lines(process: str, run_id: str) -> logging.Formatter:
    return JsonFormatter(
        "{levelname}{name}{message}",
        style="{",
        timestamp="at",
        rename_fields={"levelname": "level", "name": "logger"},
        static_fields={"process": process, "run_id": run_id},
    )


def _log_bug(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    logging.getLogger("process").critical("ended by a bug", exc_info=(kind, error, traceback))


def flush_logs() -> None:
    """Wait a moment until what was logged is written: what a command prints comes after it."""
    for handler in logging.getLogger().handlers:
        handler.flush()
