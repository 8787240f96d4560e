"""Gathers the facts of all processes and writes the run manifest, atomically, whatever else is broken.

Where the port is on it serves health, readiness, liveness, status and metrics as well.
"""

import logging
import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import psutil

from common.core.own_pause import OwnPause
from common.files import replace, write_atomically
from common.notify.outside import Outside
from common.runtime.background import BackgroundCall
from common.runtime.process import Runtime, main
from common.runtime.run.details import ManifestDetails
from common.runtime.run.facts import read_facts
from common.runtime.run.run_dir import STATUS_FILE
from common.status.answers import Page, json_page
from common.status.board import LOOK_NS, StatusBoard
from common.status.old_manifests import MANIFEST_NAME, remove_old_manifests

if TYPE_CHECKING:
    from common.page.site import PageSite
    from common.status.server import StatusServer

LAST_WAIT_NS = 50_000_000_000  # for the others to end; with a supervisor this process does not live so long

log = logging.getLogger("manifest")


class Manifest:
    """Writes `manifests/polymarket_ws_recorder_latest.json` and the run's own copy of it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._folder = runtime.data_root / "manifests"
        self._interval_ns = int(runtime.settings.manifest.write_interval_seconds * 1e9)
        self._next_ns = 0
        self._next_look_ns = 0
        self._stopping_since_ns: int | None = None
        self._writing: BackgroundCall[None] | None = (
            None  # a disk that does not answer must not hold up the loop
        )
        self._board = StatusBoard(runtime)
        self._served = _open_server(runtime, self._board)
        self._outside = Outside(runtime)
        self._pause = OwnPause()
        self._pruned = False

    def step(self, timeout_s: float) -> bool:
        """Write when it is time; after `stop`, once more when everybody else has ended."""
        now = self._runtime.clock.monotonic_ns()
        slept_ns = self._pause.slept_ns(now)
        if self._stopping_since_ns is not None:
            self._stopping_since_ns += slept_ns
        if self._runtime.superseded():
            return False  # the new run has a manifest of its own
        if self._writing is not None and self._writing.done:
            self._writing.result()
            self._writing = None
        if self._writing is None and self._stopping_since_ns is not None and self._alone(now):
            self._write(finished=True)
            return False
        if now >= self._next_ns:
            self._next_ns = now + self._interval_ns
            if self._writing is None:
                self._writing = BackgroundCall(partial(self._write, finished=False))
            else:
                self._write_beside(self._document(finished=False))
        if now >= self._next_look_ns:
            self._next_look_ns = now + LOOK_NS
            status = self._board.look()
            self._outside.note(status)
            if self._served is not None:
                self._served[1].note(status)
        self._outside.step()
        self._runtime.clock.sleep(timeout_s)
        return True

    def _alone(self, now: int) -> bool:
        if self._stopping_since_ns is None or now - self._stopping_since_ns > LAST_WAIT_NS:
            return True
        others = [
            fact.pid for name, fact in read_facts(self._runtime.run_dir).items() if name != "supervisor"
        ]
        return not any(_lives(pid) for pid in others if pid != os.getpid())

    def _write(self, *, finished: bool) -> None:
        document = self._document(finished=finished)
        try:
            for label in (self._runtime.assignment.run_id, "latest"):
                write_atomically(self._folder / MANIFEST_NAME.format(label), document)
            self._prune_once()
        except OSError as error:
            log.warning("run manifest not written", extra={"reason": str(error)})
            self._write_beside(document)

    def _prune_once(self) -> None:
        """One run adds one manifest: it is enough to look for old ones once in each."""
        if not self._pruned:
            removed = remove_old_manifests(self._folder, self._runtime.clock.wall_ns())
            self._pruned = True
            if removed:
                log.info("old run manifests removed", extra={"count": removed})

    def _document(self, *, finished: bool) -> bytes:
        manifest = self._board.manifest(finished=finished)
        return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"

    def _write_beside(self, document: bytes) -> None:
        """The data root takes none now, or not yet: in the run's folder `recorderctl status` finds it."""
        with suppress(OSError):  # neither disk nor memory has room: /status.json is all that is left
            replace(self._runtime.run_dir / STATUS_FILE, document)

    def stop(self) -> None:
        """The last manifest follows when the others have ended."""
        self._stopping_since_ns = self._runtime.clock.monotonic_ns()

    def details(self) -> ManifestDetails:
        """Where the status is served, and the events of the run."""
        url = self._served[0].url if self._served is not None else None
        events, posted = tuple(self._outside.events), self._outside.posted
        return ManifestDetails(status_url=url, events=events, events_posted=posted)

    def close(self) -> None:
        """Stop listening."""
        if self._served is not None:
            self._served[0].close()
            self._served[1].close()


def _lives(pid: int) -> bool:
    try:
        status: str = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return False
    return status != psutil.STATUS_ZOMBIE  # an orphan's, that nobody reaps: not every container has an init


def _open_server(runtime: Runtime, board: StatusBoard) -> "tuple[StatusServer, PageSite] | None":
    """The port and the page on it, if it is on and free: the recorder goes on without one."""
    settings = runtime.settings.manifest
    if not settings.http_port:
        return None
    from common.page.site import open_site  # noqa: PLC0415 - costs time and memory, only for who wants the port
    from common.status import metrics  # noqa: PLC0415 - likewise
    from common.status.server import StatusServer  # noqa: PLC0415 - likewise

    pages = {
        "/healthz": lambda: _verdict_page(board, "health"),
        "/livez": lambda: _verdict_page(board, "liveness"),
        "/readyz": lambda: _verdict_page(board, "readiness"),
        "/status.json": lambda: json_page(board.look().manifest),
        "/metrics": lambda: Page(200, metrics.CONTENT_TYPE, metrics.metrics_text(board.look())),
    }
    site = open_site(runtime, board)
    try:
        server = StatusServer(settings.http_host, settings.http_port, pages, site=site, tick=board.tick)
    except (OSError, UnicodeError, RuntimeError) as error:  # no host name; a machine that gives no thread
        site.close()
        where = f"{settings.http_host}:{settings.http_port}"
        runtime.tally.add("http_port_failures_total")
        log.warning(
            "status not served, recording goes on: choose another manifest.http_host or manifest.http_port",
            extra={"address": where, "reason": str(error)},
        )
        return None
    log.info("status served", extra={"url": server.url})
    return server, site


def _verdict_page(board: StatusBoard, which: str) -> Page:
    status = board.look()
    verdict = getattr(status, which)
    return json_page(
        {
            "ok": verdict.ok,
            "state": status.manifest.state,
            "reason": verdict.reason,
            "warnings": status.warnings,
        },
        ok=verdict.ok,
    )


if __name__ == "__main__":
    main(Manifest)
