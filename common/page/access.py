"""Who may look at the page and its data: this machine alone, or anyone who has the token."""

import base64
import binascii
import hmac
import ipaddress
from http import HTTPStatus
from pathlib import Path

from common.errors import ConfigError
from common.status.answers import Headers, Page, text_page

SHORTEST_TOKEN = 16
OPEN_PATHS = frozenset({"/healthz", "/livez", "/readyz", "/metrics"})
_ASK = ("WWW-Authenticate", 'Basic realm="order book recorder: any name, and the token as password"')
_NOT_HERE = "the page is for this machine alone: set manifest.http_token_file to serve it on other addresses"
_OTHER_SITE = "another web site asks for this, and gets nothing"


def read_token(path: str) -> str:
    """The token in a file; empty where no file is named. Raises ConfigError where it cannot be used."""
    if not path:
        return ""
    try:
        token = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"manifest.http_token_file: {path} cannot be read: {error}") from error
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise ConfigError(
            f"manifest.http_token_file: {path} must hold one line of at least {SHORTEST_TOKEN} printable ASCII"
            " characters"
        )
    return token


class Access:
    """Judges requests. Health and metrics are open, as they were; `/status.json` is where there is no token."""

    def __init__(self, host: str, token: str) -> None:
        self._token = token.encode()
        self._local = is_loopback(host)

    def refusal(self, path: str, headers: Headers) -> Page | None:
        """Why a request is refused; None where it is not. Header names are in lower case."""
        if path in OPEN_PATHS:
            return None
        if self._token:
            allowed = hmac.compare_digest(_given(headers.get("authorization", "")), self._token)
            return None if allowed else text_page(HTTPStatus.UNAUTHORIZED, "say the token", _ASK)
        if path == "/status.json":
            return None
        if not self._local:
            return text_page(HTTPStatus.FORBIDDEN, _NOT_HERE)
        if headers.get("sec-fetch-site", "none") == "cross-site" or not _names_this_machine(headers):
            return text_page(HTTPStatus.FORBIDDEN, _OTHER_SITE)
        return None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address to listen on."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _names_this_machine(headers: Headers) -> bool:
    """Not so where a name of somebody else's was made to point here."""
    host = headers.get("host", "localhost")
    name = host.rsplit("]", 1)[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    return is_loopback(name)


def _given(authorization: str) -> bytes:
    """The token that a request brings: as bearer, or as the password that a browser asked for."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode()
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""
