"""A connected stream to a host: direct, or through the proxy that the environment names for it."""

import socket
from base64 import b64encode

from common.network.deadline import Deadline
from common.network.errors import DialError
from common.network.http_head import HeadError, read_head
from common.network.proxies import Proxy, proxy_for
from common.network.race import Resolve, open_socket, shown
from common.network.resolver import RESOLVER
from common.network.socks import SocksError, connect_through

_PROXY_AUTHENTICATION_REQUIRED = 407


def open_stream(
    scheme: str, host: str, port: int, deadline: Deadline, *, resolve: Resolve = RESOLVER.addresses
) -> socket.socket:
    """Connected to the host for a URL of this scheme. Raises DialError, which names a proxy as the proxy."""
    proxy = proxy_for(scheme, host, port)
    if proxy is None:
        return open_socket(host, port, deadline, resolve=resolve)
    sock = open_proxy(proxy, deadline, resolve=resolve)
    try:
        if proxy.scheme == "http":
            _tunnel(sock, proxy, shown(host, port), deadline)
        else:
            _through_socks(sock, proxy, (host, port), deadline, resolve)
    except (HeadError, SocksError) as error:
        sock.close()
        raise DialError(f"{proxy} {error}{_hint(str(error), proxy)}") from error
    except TimeoutError as error:
        sock.close()
        raise DialError(f"{proxy} did not answer within {deadline.seconds:g} s") from error
    except OSError as error:
        sock.close()
        raise DialError(f"{proxy} broke the connection ({error.strerror or error})") from error
    except BaseException:
        sock.close()
        raise
    sock.settimeout(None)
    return sock


def open_proxy(proxy: Proxy, deadline: Deadline, *, resolve: Resolve = RESOLVER.addresses) -> socket.socket:
    """A connection to the proxy itself. Raises DialError."""
    try:
        return open_socket(proxy.host, proxy.port, deadline, resolve=resolve)
    except DialError as error:
        raise DialError(f"{proxy} cannot be used: {error}; correct or unset {proxy.variable}") from error


def _tunnel(sock: socket.socket, proxy: Proxy, target: str, deadline: Deadline) -> None:
    """Have an HTTP proxy connect the socket to the host (RFC 9110, 9.3.6)."""
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.user:
        secret = b64encode(f"{proxy.user}:{proxy.password}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {secret}")
    deadline.bound(sock)
    sock.sendall("\r\n".join([*lines, "", ""]).encode())
    head = read_head(sock, deadline)
    if head.status == _PROXY_AUTHENTICATION_REQUIRED:
        wants = "does not accept user and password" if proxy.user else "wants a user name and a password"
        raise HeadError(f"{wants} (HTTP 407)")
    if not 200 <= head.status < 300:
        raise HeadError(f"did not connect to {target} (HTTP {head.status})")
    if head.behind:
        raise HeadError("sent data before the tunnel was used")


def _through_socks(
    sock: socket.socket, proxy: Proxy, target: tuple[str, int], deadline: Deadline, resolve: Resolve
) -> None:
    host, port = target
    if proxy.scheme == "socks5":  # socks5h leaves the name to the proxy
        host = resolve(host, port, deadline)[0].sockaddr[0]
    connect_through(sock, host, port, deadline, user=proxy.user, password=proxy.password)


def _hint(reason: str, proxy: Proxy) -> str:
    if "user" not in reason:
        return ""
    return f": set {proxy.variable} to {proxy.scheme}://user:password@host:port"
