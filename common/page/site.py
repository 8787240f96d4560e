"""The page of a running recorder: which path shows what, from the look that the manifest process takes anyway."""

import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from common.core.instants import NS_PER_SECOND
from common.core.page.book import MOST_SPAN_S, BookQuestion
from common.core.page.left_out import left_out_view
from common.core.page.markets import markets_view
from common.core.page.now import now_view
from common.core.page.recent import Figures, Recent
from common.core.page.storage import storage_view
from common.core.page.verdict import Since, level_of, uptime_s, verdict_line
from common.core.rows.origin import leg_in_name
from common.errors import ConfigError
from common.page.access import Access, read_token
from common.page.books import ReplayDesk, ReplayProcess
from common.page.files import page_files
from common.page.ledgers import LedgerShelf
from common.page.live import LiveView
from common.page.queries import instant_in, number_in, refused, token_in
from common.page.windows import WindowPages
from common.runtime.process import Runtime
from common.status.answers import Headers, Page, Query, json_page
from common.status.board import Status, StatusBoard
from common.status.run_manifest import RunManifest

HIGHEST_PAGE = 100_000
MOST_DAYS = 90
NOT_AN_ID = "a token id is a number of up to 78 digits"

log = logging.getLogger(__name__)


def open_site(runtime: Runtime, board: StatusBoard) -> "PageSite":
    """The page of a run. With a token that cannot be read it lets nobody in, and says so in the log."""
    settings = runtime.settings.manifest
    try:
        token = read_token(settings.http_token_file)
    except ConfigError as error:
        log.error("the page lets nobody in", extra={"reason": str(error)})  # noqa: TRY400 - the reason says it all
        token = secrets.token_hex()
    return PageSite(runtime, board, Access(settings.http_host, token))


class PageSite:
    """Everything beside health and metrics. `note` is cheap; all else is done only when somebody asks."""

    def __init__(self, runtime: Runtime, board: StatusBoard, access: Access) -> None:
        self._runtime, self._board, self._access = runtime, board, access
        self._recent, self._since = Recent(), Since()
        self._ledgers = LedgerShelf(runtime.data_root)
        self._replay = ReplayProcess(runtime.data_root)
        self._books = ReplayDesk(self._replay)
        self._windows = WindowPages(runtime.data_root, self._books)
        self._live = LiveView(runtime.run_dir)
        self._document: tuple[RunManifest, dict[str, Any]] | None = None
        self._views: Mapping[str, Callable[[Query], Page]] = {
            "/api/overview": lambda _: json_page(self._overview()),
            "/api/markets": self._markets,
            "/api/left-out": self._left_out,
            "/api/windows": self._windows_of_today,
            "/api/ladder": self._ladder,
            "/api/conditions": self._conditions,
            "/api/hour": self._hour,
            "/api/book": self._book,
        }

    def note(self, status: Status) -> None:
        """Take the figures of a look, from the loop of the process."""
        now_ns = self._runtime.clock.monotonic_ns()
        if self._recent.wants(now_ns):
            self._recent.note(_figures(status, now_ns))
            manifest = status.manifest
            level = level_of(_few_fields(manifest), status.health, silent_s=status.since_market_message_s)
            wall_ns = self._runtime.clock.wall_ns()
            self._since.note(level, started_at_utc=manifest.started_at_utc, now_ns=wall_ns)

    def close(self) -> None:
        """End what was begun for a browser."""
        self._replay.close()
        self._live.close()

    def refusal(self, path: str, headers: Headers) -> Page | None:
        """Why this client gets nothing; None where it may look."""
        return self._access.refusal(path, headers)

    def file(self, path: str) -> Page | None:
        """A file of the page."""
        return page_files().get(path)

    def view(self, path: str) -> Callable[[Query], Page] | None:
        """Data of the page."""
        return self._views.get(path)

    def stream(self, path: str) -> Callable[[], bytes] | None:
        """What is live."""
        return (lambda: msgspec.json.encode(self._overview())) if path == "/api/live" else None

    def _look(self) -> tuple[Status, dict[str, Any]]:
        """The look and its run manifest as a document, made once for all who ask."""
        status = self._board.look()
        kept = self._document
        if kept is None or kept[0] is not status.manifest:
            kept = self._document = status.manifest, msgspec.to_builtins(status.manifest)
        return status, kept[1]

    def _overview(self) -> dict[str, Any]:
        status, document = self._look()
        clock = self._runtime.clock
        now_ns = clock.wall_ns()
        level = level_of(document, status.health, silent_s=status.since_market_message_s)
        since_utc = self._since.of(level)
        return {
            "verdict": verdict_line(
                document, status.health, level=level, since_utc=since_utc, warnings=status.warnings
            ),
            "run": {
                **{key: document[key] for key in ("run_id", "state", "exchange", "started_at_utc")},
                "version": document["program_version"],
                "updated_at_utc": document["updated_at_utc"],
                "up_seconds": uptime_s(document, now_ns),
                "data_root": str(self._runtime.data_root),
            },
            "now": {
                **now_view(document, self._recent, now_ns=now_ns, monotonic_ns=clock.monotonic_ns()),
                "lags": self._live.lags(),
            },
            "storage": storage_view(document),
        }

    def _markets(self, query: Query) -> Page:
        _, document = self._look()
        page = number_in(query, "page", 1, most=HIGHEST_PAGE)
        now_ns = self._runtime.clock.wall_ns()
        view = markets_view(document, search=query.get("search", ""), page=page, now_ns=now_ns)
        return json_page(self._live.markets(view))

    def _left_out(self, query: Query) -> Page:
        page = number_in(query, "page", 1, most=HIGHEST_PAGE)
        found = self._board.discovery_file()
        return json_page(left_out_view(found, search=query.get("search", ""), page=page))

    def _windows_of_today(self, query: Query) -> Page:
        _, document = self._look()
        page = number_in(query, "page", 1, most=HIGHEST_PAGE)
        now_ns = self._runtime.clock.wall_ns()
        search = query.get("search", "")
        return json_page(self._windows.view(document["markets"], search=search, page=page, now_ns=now_ns))

    def _ladder(self, query: Query) -> Page:
        token_id = token_in(query, "token")
        if token_id is None:
            return refused(NOT_AN_ID)
        _, document = self._look()
        return json_page(self._live.ladder(token_id, document["markets"]))

    def _conditions(self, query: Query) -> Page:
        days = number_in(query, "days", MOST_DAYS, most=MOST_DAYS)
        return json_page(self._ledgers.calendar(days=days, now_ns=self._runtime.clock.wall_ns()))

    def _hour(self, query: Query) -> Page:
        from_ns = instant_in(query, "from")
        if from_ns is None:
            return refused("say from=2026-11-23T12:00:00Z")
        return json_page(self._ledgers.hour(row=query.get("row", ""), from_ns=from_ns))

    def _book(self, query: Query) -> Page:
        token_id, to_ns = token_in(query, "token"), instant_in(query, "to")
        span_s = number_in(query, "seconds", 900, most=MOST_SPAN_S)
        if token_id is None:
            return refused(NOT_AN_ID)
        if to_ns is None or to_ns < 0:
            return refused("say to=2026-11-23T12:00:00Z")
        return self._books.ask(BookQuestion(token_id, to_ns - span_s * NS_PER_SECOND, to_ns))


def _few_fields(manifest: RunManifest) -> dict[str, Any]:
    """What `level_of` reads, without making a document of all markets every few seconds."""
    legs = [{"up": leg.up} for leg in manifest.legs]
    return {"state": manifest.state, "problems": manifest.problems, "legs": legs}


def _figures(status: Status, now_ns: int) -> Figures:
    manifest = status.manifest
    messages: dict[str, int] = {}
    for reader, count in status.messages_by_reader.items():
        leg = leg_in_name(reader)
        messages[leg] = messages.get(leg, 0) + count
    return Figures(
        at_ns=now_ns,
        messages=messages,
        waiting=sum(sum(outbox.lanes.values()) for outbox in manifest.queue.values()),
        cpu_seconds={
            process.pid: process.cpu_seconds
            for process in manifest.processes
            if process.pid is not None and process.cpu_seconds is not None
        },
    )
