"""The status over HTTP: few paths, GET only, bounded in connections and in time.

Runs in a thread of its own and never touches the loop of the process that it lives in.
"""

import contextlib
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer

import msgspec

READ_TIMEOUT_S = 5.0  # one read or write of a client
CONNECTION_LIMIT_S = 10.0  # a connection in all, however it trickles
MAX_CONNECTIONS = 16
POLL_S = 0.2  # how often limits are looked at; `close` waits for one

log = logging.getLogger(__name__)


class Page(msgspec.Struct, frozen=True):
    """An answer."""

    status: int
    content_type: str
    body: bytes


Pages = Mapping[str, Callable[[], Page]]


def json_page(document: object, *, ok: bool = True) -> Page:
    """A document as JSON, with 200 or 503."""
    status = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
    return Page(status, "application/json", msgspec.json.encode(document) + b"\n")


class StatusServer(ThreadingHTTPServer):
    """Serves `pages` from creation until `close`. Raises OSError where it cannot listen."""

    daemon_threads = True
    block_on_close = False  # a client that trickles must not hold up the end
    allow_reuse_port = False  # two recorders must not share a port unknowingly
    request_queue_size = MAX_CONNECTIONS

    def __init__(
        self,
        host: str,
        port: int,
        pages: Pages,
        *,
        connection_limit_s: float = CONNECTION_LIMIT_S,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        """`tick` is called every POLL_S."""
        self.pages = pages
        self._tick = tick
        self._connection_limit_s = connection_limit_s
        self._open: dict[socket.socket, float] = {}
        self._open_lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        threading.Thread(target=self.serve_forever, args=(POLL_S,), name="status", daemon=True).start()

    def server_bind(self) -> None:
        """Bind, without HTTPServer's question to DNS for the own name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.server_name}]" if ":" in self.server_name else self.server_name
        return f"http://{host}:{self.server_port}"

    def verify_request(self, request: object, client_address: object) -> bool:  # noqa: ARG002 - the library's
        """Refuse a connection beyond the bound."""
        assert isinstance(request, socket.socket)
        with self._open_lock:
            if len(self._open) >= MAX_CONNECTIONS:
                return False
            self._open[request] = time.monotonic() + self._connection_limit_s
            return True

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close a connection and forget it."""
        assert isinstance(request, socket.socket)
        with self._open_lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Every POLL_S: cut connections that are over their time; their threads notice."""
        self._tick()
        now = time.monotonic()
        with self._open_lock:
            for request, ends_at in self._open.items():
                if now > ends_at:
                    _cut(request)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the library's
        """A client that left is its own affair; anything else is a bug and stands in the log."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.error("status request failed", exc_info=error)

    def close(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has just ended by itself
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: StatusServer
    timeout = READ_TIMEOUT_S
    server_version = "orderbooks-ws-recorder"
    sys_version = ""

    def do_GET(self) -> None:
        make = self.server.pages.get(self.path.partition("?")[0])
        if make is None:
            known = " ".join(self.server.pages)
            self._answer(Page(HTTPStatus.NOT_FOUND, "text/plain", f"known are {known}\n".encode()))
            return
        self._answer(make())

    def _refuse(self) -> None:
        self._answer(Page(HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"GET only\n"))

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815 - the library's names

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a method that the library does not know like any other that is not GET."""
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._refuse()
        else:
            super().send_error(code, message, explain)

    def _answer(self, page: Page) -> None:
        self.send_response(page.status)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.send_header("Cache-Control", "no-store")
        if page.status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """No log record per request."""
