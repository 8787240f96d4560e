"""What a recorder tells the person who started it on a terminal: how to watch it, and at the end what it recorded."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from common.config import ManifestSettings, PathSettings, Settings
from common.core.market import Exchange
from common.core.terminal.text import size_text
from common.runtime.command_line.invocation import as_typed
from common.status.old_manifests import LATEST_MANIFEST
from common.version import PROGRAM_VERSION

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - what such a server answers at


def opening_lines(settings: Settings, exchange: Exchange) -> Iterator[str]:
    """Where it records, and where to look."""
    yield f"Recording the {exchange} exchange to {settings.paths.data_root}, version {PROGRAM_VERSION}."
    if settings.manifest.http_port:
        yield f"  page    {page_url(settings.manifest)}"
    for what, action in (("status", "status"), ("events", "events --follow"), ("stop", "stop")):
        ending = ", or Ctrl-C" if action == "stop" else ""
        yield f"  {what:<7} {_command(settings.paths, action)}{ending}"


def page_url(manifest: ManifestSettings) -> str:
    """The page of a recorder, as a browser on its machine opens it."""
    host = _ANY_ADDRESS.get(manifest.http_host, manifest.http_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{manifest.http_port}/"


def _command(paths: PathSettings, action: str) -> str:
    root = (
        "" if paths.data_root == PathSettings().data_root else f"--data-root {shlex.quote(paths.data_root)} "
    )
    return as_typed(f"bin/recorderctl {root}{action}")


class Recorded(msgspec.Struct, frozen=True):
    """The sums of a run, as its last run manifest has them; `bytes` are of the messages."""

    messages: int
    gaps: int
    bytes: int
    archives: int

    def line(self, data_root: Path) -> str:
        """In one line."""
        gaps = "no gap" if not self.gaps else f"{self.gaps:,} gap{'s' if self.gaps > 1 else ''}"
        archives = f"{self.archives:,} archive{'s' if self.archives != 1 else ''}"
        return f"Recorded {self.messages:,} messages, {gaps}, {size_text(self.bytes)}, {archives} in {data_root}."


class _Manifest(msgspec.Struct):
    run_id: str
    counters: dict[str, Any] = msgspec.field(default_factory=dict)


def read_recorded(data_root: Path, run_id: str) -> Recorded | None:
    """The sums of a run that has ended; None where its run manifest could not be written."""
    try:
        manifest = msgspec.json.decode((data_root / LATEST_MANIFEST).read_bytes(), type=_Manifest)
    except (OSError, msgspec.DecodeError):
        return None
    if manifest.run_id != run_id:
        return None
    names = ("ws_messages_total", "gaps_total", "ws_bytes_total", "archives_closed_total")
    return Recorded(*(manifest.counters.get(name, 0) for name in names))
