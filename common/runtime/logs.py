"""JSON logs: one record a line on stderr, with process name and run id in each."""

import logging
import sys
from types import TracebackType

from pythonjsonlogger.json import JsonFormatter


def start_logging(process: str, run_id: str, *, level: int = logging.INFO) -> None:
    """Send every log record of this process to stderr as JSON, and the end by a bug as well."""
    formatter = JsonFormatter(
        "{levelname}{name}{message}",
        style="{",
        timestamp="at",
        rename_fields={"levelname": "level", "name": "logger"},
        static_fields={"process": process, "run_id": run_id},
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    sys.excepthook = _log_bug


def _log_bug(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    logging.getLogger("process").critical("ended by a bug", exc_info=(kind, error, traceback))
