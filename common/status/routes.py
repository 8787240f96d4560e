"""From a request to its answer: paths, methods, and the headers that keep a browser safe."""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from http import HTTPStatus
from typing import TypeVar

from aiohttp import web

from common.status.answers import NO_STORE, REVALIDATE, Page, Pages, Site, text_page
from common.status.connections import MAX_CONNECTIONS, READ_TIMEOUT_S, Connection

LONGEST_QUERY = 2048
EVENT_INTERVAL_S = 2.0
SMALLEST_GZIP = 1024
SAFE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Server": "orderbooks-ws-recorder",
}
T = TypeVar("T")

log = logging.getLogger(__name__)


class Routes:
    """Answers requests. Whatever may wait for a disk runs in a thread of its own, and only so many of them."""

    def __init__(self, pages: Pages, site: Site | None) -> None:
        self._pages, self._site = pages, site
        self._threads = threading.BoundedSemaphore(MAX_CONNECTIONS)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The library's handler. A bug is logged, and answered with 500."""
        if request.method not in {"GET", "HEAD"}:
            allow = ("Allow", "GET, HEAD")
            return _response(request, text_page(HTTPStatus.METHOD_NOT_ALLOWED, "GET and HEAD only", allow))
        try:
            stream = self._site.stream(request.path) if self._site is not None else None
            if self._site is not None and stream is not None and request.method == "GET":
                refusal = self._refusal(request)
                return await self._flow(request, stream) if refusal is None else _response(request, refusal)
            return _response(request, await self._page(request))
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:  # the status must outlive a bug in one of its views
            log.exception("status request failed")
            return _response(request, text_page(HTTPStatus.INTERNAL_SERVER_ERROR, "failed, see the log"))

    async def _page(self, request: web.BaseRequest) -> Page:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        if (make := self._pages.get(request.path)) is not None:
            return await self._in_thread(make) or _BUSY
        if self._site is not None:
            if (file := self._site.file(request.path)) is not None:
                return file
            if (view := self._site.view(request.path)) is not None:
                if len(request.query_string) > LONGEST_QUERY:
                    return text_page(HTTPStatus.REQUEST_URI_TOO_LONG, "the query is too long")
                query = dict(request.query)
                return await self._in_thread(lambda: view(query)) or _BUSY
        return text_page(HTTPStatus.NOT_FOUND, f"known are {' '.join(self._pages)}")

    def _refusal(self, request: web.BaseRequest) -> Page | None:
        if self._site is None:
            return None
        headers = {name.lower(): value for name, value in request.headers.items()}
        return self._site.refusal(request.path, headers)

    async def _flow(self, request: web.BaseRequest, make: Callable[[], bytes]) -> web.StreamResponse:
        """Server-sent events until the client leaves, stops reading, or the server ends."""
        connection = request.protocol
        if not isinstance(connection, Connection) or not connection.stay():
            return _response(request, text_page(HTTPStatus.SERVICE_UNAVAILABLE, "too many pages are open"))
        response = web.StreamResponse(
            headers={**SAFE_HEADERS, "Cache-Control": NO_STORE, "X-Accel-Buffering": "no"}
        )
        response.content_type = "text/event-stream"
        await response.prepare(request)
        while True:
            event = await self._in_thread(make)
            if event is not None:
                await asyncio.wait_for(response.write(b"data: " + event + b"\n\n"), READ_TIMEOUT_S)
            await asyncio.sleep(EVENT_INTERVAL_S)

    async def _in_thread(self, call: Callable[[], T]) -> T | None:
        """The call's result; None where too many wait already, or the machine gives no thread."""
        if not self._threads.acquire(blocking=False):
            return None
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(call())
            except BaseException as error:  # noqa: BLE001 - handed over whole
                done.set_exception(error)
            finally:
                self._threads.release()

        try:
            threading.Thread(target=run, name="status-answer", daemon=True).start()
        except RuntimeError:
            self._threads.release()
            return None
        return await asyncio.shield(asyncio.wrap_future(done))


_BUSY = text_page(HTTPStatus.SERVICE_UNAVAILABLE, "too many requests wait for an answer: ask again")


def _response(request: web.BaseRequest, page: Page) -> web.Response:
    headers = {**SAFE_HEADERS, **dict(page.headers), "Cache-Control": REVALIDATE if page.etag else NO_STORE}
    headers["Content-Type"] = page.content_type
    status, body = page.status, page.body
    if page.etag:
        headers["ETag"] = f'"{page.etag}"'
        if page.etag in request.headers.get("If-None-Match", ""):
            status, body = HTTPStatus.NOT_MODIFIED, b""
    response = web.Response(status=status, body=body, headers=headers)
    if len(body) >= SMALLEST_GZIP and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.headers["Vary"] = "Accept-Encoding"
        response.enable_compression(web.ContentCoding.gzip)
    response.force_close()
    return response
