"""Whether this machine can dial at all, looked at before anything starts: what is wrong here a restart cannot mend."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from common.errors import ConfigError
from common.network.errors import DialError
from common.network.proxies import proxy_for
from common.network.trust import client_context

_PORTS = {"ws": 80, "wss": 443, "http": 80, "https": 443}
_ENCRYPTED = frozenset({"wss", "https"})


def check_network(urls: Iterable[str], ca_file: str) -> None:
    """Refuse certificates that cannot be read and proxies that cannot be used for these URLs.

    The environment's certificates matter only where a URL is encrypted, its proxies only where a host is not
    this machine. Raises ConfigError naming setting or variable.
    """
    targets = [_target(url) for url in urls]
    try:
        if ca_file or any(scheme in _ENCRYPTED for scheme, _, _ in targets):
            client_context(ca_file)
        for scheme, host, port in targets:
            proxy_for(scheme, host, port)
    except DialError as error:
        raise ConfigError(str(error)) from error


def _target(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme]
    except ValueError as error:
        raise ConfigError(f"configuration: {url} is not a URL ({error}); correct it in `exchange`") from error
