"""The bounds of the status server: how many clients, and for how long each."""

import asyncio
import logging
import re
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod

READ_TIMEOUT_S = 5.0  # until the first request, and one write of a stream
CONNECTION_LIMIT_S = 10.0  # a connection in all, however it trickles
MAX_CONNECTIONS = 16
MAX_STREAMS = 8  # beside them: open pages must not keep monitoring out
_UNKNOWN_METHOD = re.compile(r"b'[A-Z]+ /")  # of the parser's words: a request line of HTTP
_SILENT = logging.getLogger("status.access")  # no log record per request
_SILENT.disabled = True


class Door:
    """Counts who is inside."""

    def __init__(self, connection_limit_s: float) -> None:
        self.connection_limit_s = connection_limit_s
        self.inside = 0
        self.streams = 0


class Connection(web.RequestHandler):
    """One client. It is cut off after its time, unless it holds one of the few streams."""

    def __init__(self, server: web.Server, door: Door) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=_SILENT,
            keepalive_timeout=READ_TIMEOUT_S,
            lingering_time=0,
            max_headers=64,
        )
        self._door = door
        self._ends: asyncio.TimerHandle | None = None
        self._inside = False
        self._streams = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let a client in, or not."""
        assert isinstance(transport, asyncio.Transport)
        if self._door.inside >= MAX_CONNECTIONS:
            transport.close()
            return
        self._door.inside += 1
        self._inside = True
        loop = asyncio.get_running_loop()
        self._ends = loop.call_later(self._door.connection_limit_s, transport.abort)
        super().connection_made(transport)

    def stay(self) -> bool:
        """Whether this connection may become a stream; then its time is not limited any more."""
        if self._door.streams >= MAX_STREAMS or not self._inside:
            return False
        self._door.streams += 1
        self._streams = True
        self._leave()
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the client."""
        if self._streams:
            self._door.streams -= 1
            self._streams = False
        self._leave()
        super().connection_lost(exc)

    def _leave(self) -> None:
        if self._inside:
            self._door.inside -= 1
            self._inside = False
        if self._ends is not None:
            self._ends.cancel()

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 - the library's
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - holds what the client sent
    ) -> web.StreamResponse:
        """Refuse what is not HTTP, without a log record for each hostile client."""
        headers: dict[str, Any] = {"Cache-Control": "no-store"}
        if isinstance(exc, BadHttpMethod) and _UNKNOWN_METHOD.search(str(exc)):
            status, headers["Allow"] = HTTPStatus.METHOD_NOT_ALLOWED, "GET, HEAD"
        response = web.Response(status=status, text=f"{HTTPStatus(status).phrase}\n", headers=headers)
        response.force_close()
        return response
