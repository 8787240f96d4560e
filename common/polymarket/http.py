"""HTTP to the exchange, bounded in every direction: time in all, size, hosts."""

import queue
import ssl
import threading
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import TypeVar
from urllib.parse import urlsplit

import requests

from common.core.exchange_told import contradiction, exchange_of_headers
from common.core.market import Exchange
from common.core.rows.rest import HttpAnswer
from common.errors import ExchangeError
from common.network.deadline import Deadline
from common.network.proxies import Proxy, proxy_for
from common.network.trust import tls_words
from common.polymarket.http_adapter import Adapter
from common.polymarket.user_agent import user_agent

T = TypeVar("T")
MAX_BODY_BYTES = 64 << 20
PAUSE_S = 2.0  # a wait that ends so late was one of this process, not of the host
_CHUNK_BYTES = 65_536
_PORTS = {"http": 80, "https": 443}


class Session(requests.Session):
    """Remembers which exchange answered last, None before the first answer; refuses answers of the other one."""

    def __init__(self, expected: Exchange | None) -> None:
        super().__init__()
        self.trust_env = False  # proxies and certificates are ours to choose, as for the websocket
        self.exchange: Exchange | None = None
        self._expected = expected

    def take(self, host: str, headers: Mapping[str, str]) -> None:
        """Note who answered. Raises ExchangeError where this is not the exchange that is recorded."""
        if refusal := contradiction(headers, self._expected):
            raise ExchangeError(f"{host} {refusal}")
        self.exchange = exchange_of_headers(headers)


def open_session(expected: Exchange | None = None, *, ca_file: str = "") -> Session:
    """A session for `fetch`: our own User-Agent (a library's draws 403), no cookies, no `.netrc`.

    Every answer must be from the `expected` exchange; None takes either. `ca_file` is the setting
    `websocket.ca_file`. The caller closes it.
    """
    session = Session(expected)
    session.headers.update({"User-Agent": user_agent(), "Accept": "application/json"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = Adapter(ca_file)
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
    adapter = _adapter_for(session, url)
    adapter.deadline, adapter.proxy = Deadline(timeout_s), _forwarding_proxy(url)
    outcomes: queue.SimpleQueue[HttpAnswer | ExchangeError | None] = queue.SimpleQueue()

    def work() -> None:
        outcome: HttpAnswer | ExchangeError | None = None
        try:
            outcome = _ask(session, adapter, method, url, body=body, timeout_s=timeout_s)
        except ExchangeError as error:
            outcome = error
        finally:
            outcomes.put(outcome)

    # A thread of its own: a host that dribbles its answer knows no time-out in all.
    try:
        threading.Thread(target=work, name="fetch", daemon=True).start()
    except RuntimeError as error:
        raise ExchangeError(f"{host} was not asked: this machine gives no thread ({error})") from error
    try:
        outcome = _first_of(outcomes, timeout_s)
    except queue.Empty:
        adapter.cut()
        raise ExchangeError(_too_late(host, timeout_s)) from None
    if isinstance(outcome, HttpAnswer):
        return outcome
    raise outcome or RuntimeError("the request's thread ended by a bug: its traceback is on stderr")


def _first_of(outcomes: queue.SimpleQueue[T], timeout_s: float) -> T:
    """Raises queue.Empty. When this process itself stood still meanwhile, the host has its time once more."""
    began = time.monotonic()
    try:
        return outcomes.get(timeout=timeout_s)
    except queue.Empty:
        if time.monotonic() - began < timeout_s + PAUSE_S:
            raise
    return outcomes.get(timeout=timeout_s)


def _adapter_for(session: requests.Session, url: str) -> Adapter:
    try:
        adapter = session.get_adapter(url)
    except requests.RequestException as error:
        raise ExchangeError(f"{url!r} is not an HTTP URL") from error
    assert isinstance(adapter, Adapter), "a session of open_session"
    return adapter


def _ask(
    session: Session,
    adapter: Adapter,
    method: str,
    url: str,
    *,
    body: bytes | None,
    timeout_s: float,
) -> HttpAnswer:
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
            proxies={} if adapter.proxy is None else {"http": adapter.proxy.url},
        ) as response:
            content = _read_body(response, host)
            elapsed_ms = (time.monotonic_ns() - started_ns) / 1e6
            headers = {name.lower(): value for name, value in response.headers.items()}
            session.take(host, headers)
            return HttpAnswer(response.status_code, headers, content, elapsed_ms)
    except requests.RequestException as error:
        raise ExchangeError(_what_happened(host, error, adapter, timeout_s)) from error


def _forwarding_proxy(url: str) -> Proxy | None:
    """The HTTP proxy to which a plain request is handed as a whole, as it may refuse a tunnel to such a port."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None  # requests says what is wrong with it
    if parts.scheme != "http" or host is None:
        return None
    proxy = proxy_for("http", host, port or _PORTS["http"])
    return proxy if proxy is not None and proxy.scheme == "http" else None


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError as error:
        raise ExchangeError(f"{url!r} is not a URL: {error}") from error


def _read_body(response: requests.Response, host: str) -> bytes:
    content = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        content += chunk
        if len(content) > MAX_BODY_BYTES:
            raise ExchangeError(f"{host} answered more than {MAX_BODY_BYTES >> 20} MiB: refused")
    return bytes(content)


def _what_happened(host: str, error: requests.RequestException, adapter: Adapter, timeout_s: float) -> str:
    causes = _causes(error)
    if isinstance(error, requests.Timeout) or any(isinstance(cause, TimeoutError) for cause in causes):
        return _too_late(host, timeout_s)
    tls_errors = [cause for cause in causes if isinstance(cause, ssl.SSLError)]
    if tls_errors:
        return f"{host} {tls_words(tls_errors[-1], host, adapter.ca_file, time.time_ns())}"
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        who = host if adapter.proxy is None else f"{adapter.proxy}, asked for {host},"
        return f"{who} broke the connection before its answer was whole: {causes[-1]}"
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
