"""HTTP to the exchange, bounded in every direction: time in all, size, hosts."""

import contextlib
import queue
import socket
import threading
import time
import weakref
from collections.abc import Mapping, MutableSet
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NameResolutionError

from common.core.exchange_told import contradiction, exchange_of_headers
from common.core.market import Exchange
from common.core.rest_rows import HttpAnswer
from common.errors import ExchangeError
from common.polymarket.user_agent import user_agent

MAX_BODY_BYTES = 64 << 20
_CHUNK_BYTES = 65_536
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_NO_PROXIES = {"http": "", "https": ""}  # an empty entry beats the environment's


class _CuttableAdapter(HTTPAdapter):
    """Knows its open connections, so that a request past its deadline can be cut, wherever it hangs."""

    def __init__(self) -> None:
        self._connections: weakref.WeakSet[HTTPConnection] = weakref.WeakSet()
        super().__init__()
        self.poolmanager.pool_classes_by_scheme = _pool_classes(self._connections)

    def cut(self) -> None:
        """Shut down every connection: whoever waits on one is woken by its end."""
        for connection in list(self._connections):
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _pool_classes(opened: MutableSet[HTTPConnection]) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            opened.add(self)

    class Tls(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            opened.add(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}


class Session(requests.Session):
    """Remembers which exchange answered last, None before the first answer; refuses answers of the other one."""

    def __init__(self, expected: Exchange | None) -> None:
        super().__init__()
        self.exchange: Exchange | None = None
        self._expected = expected

    def take(self, host: str, headers: Mapping[str, str]) -> None:
        """Note who answered. Raises ExchangeError where this is not the exchange that is recorded."""
        if refusal := contradiction(headers, self._expected):
            raise ExchangeError(f"{host} {refusal}")
        self.exchange = exchange_of_headers(headers)


def open_session(expected: Exchange | None = None) -> Session:
    """A session for `fetch`: our own User-Agent (a library's draws 403), no cookies. The caller closes it.

    Every answer must be from the `expected` exchange; None takes either.
    """
    session = Session(expected)
    session.headers.update({"User-Agent": user_agent(), "Accept": "application/json"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _CuttableAdapter()
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def fetch(
    session: Session, method: str, url: str, *, body: bytes | None = None, timeout_s: float
) -> HttpAnswer:
    """One request and its whole answer within `timeout_s`, name resolution included. Never redirected.

    Any status is an answer. Raises ExchangeError only when no whole answer came, or one of an exchange that the
    session does not take: it names the host and what the host did. `body` is sent as JSON. One request of a session
    at a time.
    """
    host = _host(url)
    outcomes: queue.SimpleQueue[HttpAnswer | ExchangeError | None] = queue.SimpleQueue()

    def work() -> None:
        outcome: HttpAnswer | ExchangeError | None = None
        try:
            outcome = _ask(session, method, url, body=body, timeout_s=timeout_s)
        except ExchangeError as error:
            outcome = error
        finally:
            outcomes.put(outcome)

    # A thread of its own: neither a name server nor a host that dribbles its answer knows a time-out in all.
    try:
        threading.Thread(target=work, name="fetch", daemon=True).start()
    except RuntimeError as error:
        raise ExchangeError(f"{host} was not asked: this machine gives no thread ({error})") from error
    try:
        outcome = outcomes.get(timeout=timeout_s)
    except queue.Empty:
        adapter = session.get_adapter(url)
        if isinstance(adapter, _CuttableAdapter):
            adapter.cut()
        raise ExchangeError(_too_late(host, timeout_s)) from None
    if isinstance(outcome, HttpAnswer):
        return outcome
    raise outcome or RuntimeError("the request's thread ended by a bug: its traceback is on stderr")


def _ask(session: Session, method: str, url: str, *, body: bytes | None, timeout_s: float) -> HttpAnswer:
    host = _host(url)
    started_ns = time.monotonic_ns()
    try:
        with session.request(
            method,
            url,
            data=body,
            headers={} if body is None else {"Content-Type": "application/json"},
            timeout=timeout_s,
            allow_redirects=False,
            stream=True,
            proxies=_NO_PROXIES if urlsplit(url).hostname in _LOOPBACK else None,
        ) as response:
            content = _read_body(response, host)
            elapsed_ms = (time.monotonic_ns() - started_ns) / 1e6
            headers = {name.lower(): value for name, value in response.headers.items()}
            session.take(host, headers)
            return HttpAnswer(response.status_code, headers, content, elapsed_ms)
    except requests.RequestException as error:
        raise ExchangeError(_what_happened(host, error, timeout_s)) from error


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError as error:
        raise ExchangeError(f"{url!r} is no URL: {error}") from error


def _read_body(response: requests.Response, host: str) -> bytes:
    content = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        content += chunk
        if len(content) > MAX_BODY_BYTES:
            raise ExchangeError(f"{host} answered more than {MAX_BODY_BYTES >> 20} MiB: refused")
    return bytes(content)


def _what_happened(host: str, error: requests.RequestException, timeout_s: float) -> str:
    causes = _causes(error)
    if isinstance(error, requests.Timeout) or any(isinstance(cause, TimeoutError) for cause in causes):
        return _too_late(host, timeout_s)
    if isinstance(error, requests.exceptions.SSLError):
        return f"{host} failed the TLS handshake: {causes[-1]}"
    if any(isinstance(cause, NameResolutionError | socket.gaierror) for cause in causes):
        return f"{host} could not be resolved to an address: check the name and the network"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return f"{host} refused the connection"
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return f"{host} broke the connection before its answer was whole: {causes[-1]}"
    return f"{host} could not be asked: {error}"


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what lies beneath it, outermost first."""
    causes: list[BaseException] = []
    beneath: BaseException | None = error
    while beneath is not None and beneath not in causes:
        causes.append(beneath)
        beneath = beneath.__cause__ or beneath.__context__
    return causes


def _too_late(host: str, timeout_s: float) -> str:
    return f"{host} did not answer within {timeout_s:g} s"
