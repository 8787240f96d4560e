"""Which proxy the environment names for a host, the same for websocket and REST.

Lower case beats upper case, and set but empty it means none, as everywhere. Loopback never goes through a proxy.
"""

import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

import msgspec

from common.network.errors import DialError

_DEFAULT_PORTS = {"http": 80, "socks5": 1080, "socks5h": 1080}
_SPOKEN = "http://host:port, socks5://host:port or socks5h://host:port"
_VARIABLES = {"http": "http_proxy", "ws": "http_proxy", "https": "https_proxy", "wss": "https_proxy"}


class Proxy(msgspec.Struct, frozen=True):
    """One proxy, and the variable that names it. `scheme` is http, socks5 or socks5h (which resolves names itself)."""

    variable: str
    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""

    @property
    def url(self) -> str:
        """With user and password: never for messages."""
        secret = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@" if self.user else ""
        return f"{self.scheme}://{secret}{self._place}"

    @property
    def _place(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        """For messages."""
        return f"the proxy {self.scheme}://{self._place} (from {self.variable})"


def proxy_for(
    scheme: str, host: str, port: int, environment: Mapping[str, str] | None = None
) -> Proxy | None:
    """The proxy for a connection to this host, None for a direct one. Raises DialError where it cannot be used."""
    environment = os.environ if environment is None else environment
    if is_loopback(host) or _is_exempt(host, port, _value(environment, "no_proxy")[1]):
        return None
    for name in (_VARIABLES[scheme], "all_proxy"):
        variable, text = _value(environment, name)
        if text:
            return _parsed(variable, text)
    return None


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    address = _address(host)
    if address is None:
        name = host.rstrip(".").lower()
        return name == "localhost" or name.endswith(".localhost")
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


def _value(environment: Mapping[str, str], name: str) -> tuple[str, str]:
    variable = name if name in environment else name.upper()
    return variable, environment.get(variable, "").strip()


def _parsed(variable: str, text: str) -> Proxy:
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    if not host:
        raise DialError(f"{variable}: names no proxy that can be used; set it to {_SPOKEN}")
    if parts.scheme not in _DEFAULT_PORTS:
        raise DialError(
            f"{variable}: a proxy of the kind {parts.scheme}:// is not supported; set it to {_SPOKEN}"
        )
    return Proxy(
        variable,
        parts.scheme,
        host,
        port or _DEFAULT_PORTS[parts.scheme],
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


def _is_exempt(host: str, port: int, no_proxy: str) -> bool:
    address = _address(host)
    name = host.rstrip(".").lower()
    for entry in no_proxy.lower().replace(" ", ",").split(","):
        if entry == "*":
            return True
        if not entry:
            continue
        if address is not None and _holds(entry, address, port):
            return True
        domain, _, wanted_port = entry.partition(":")
        domain = domain.lstrip("*").strip(".")
        if domain and (name == domain or name.endswith(f".{domain}")) and wanted_port in {"", str(port)}:
            return True
    return False


def _holds(entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> bool:
    """Whether an entry such as 10.0.0.0/8, 10.1.2.3, ::1 or [::1]:443 is about this address."""
    bare = entry.removesuffix(f":{port}") if entry.startswith("[") or entry.count(":") == 1 else entry
    try:
        return address in ipaddress.ip_network(bare.strip("[]"), strict=False)
    except ValueError:
        return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
