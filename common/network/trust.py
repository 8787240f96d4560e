"""Whose certificates are trusted: one store for websocket and REST, and words for what is wrong with a certificate.

The setting `websocket.ca_file`, else the variables below, else the authorities that come with certifi.
"""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import certifi

from common.core.instants import utc_text
from common.network.errors import DialError

SETTING = "websocket.ca_file"
VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_EXPIRED, _NOT_YET_VALID = 10, 9  # X509_V_ERR_... of OpenSSL
_OTHER_NAMES = frozenset({62, 64})


class Store(NamedTuple):
    """A file of certificates, or a folder of them as OpenSSL wants it, and what names it."""

    path: Path
    named_by: str


def store(ca_file: str, environment: Mapping[str, str] | None = None) -> Store:
    """The store that counts; `ca_file` is the setting, empty where it is not set."""
    if ca_file:
        return Store(Path(ca_file), SETTING)
    environment = os.environ if environment is None else environment
    for variable in VARIABLES:
        if value := environment.get(variable):
            return Store(Path(value), variable)
    return Store(Path(certifi.where()), "certifi")


def client_context(ca_file: str) -> ssl.SSLContext:
    """A context that checks certificate and host name. Raises DialError naming setting or variable, and file."""
    chosen = store(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if chosen.path.is_dir():
            context.load_verify_locations(capath=chosen.path)
        else:
            context.load_verify_locations(cafile=chosen.path)
    except ssl.SSLError as error:
        raise DialError(f"{chosen.named_by}: {chosen.path} holds no certificates in PEM form") from error
    except OSError as error:
        raise DialError(
            f"{chosen.named_by}: {chosen.path} cannot be read ({error.strerror}); name a file of certificates"
        ) from error
    if keys := os.environ.get("SSLKEYLOGFILE"):
        context.keylog_filename = keys
    return context


def tls_words(error: ssl.SSLError, host: str, ca_file: str, wall_ns: int) -> str:
    """What was wrong with the TLS handshake: the rest of a sentence that begins with the host."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return "failed the TLS handshake: it ended the connection"
        if error.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"}:
            return "failed the TLS handshake: it does not speak TLS there; check the URL and its port"
        return f"failed the TLS handshake: {error.reason or error}"
    clock = f"the clock of this machine says {utc_text(wall_ns)}"
    if error.verify_code == _EXPIRED:
        return f"has a certificate that has expired: {clock}; if that is right, the other side must renew it"
    if error.verify_code == _NOT_YET_VALID:
        return f"has a certificate that is not valid yet: {clock}; set it right"
    if error.verify_code in _OTHER_NAMES:
        return f"has a certificate for other names than {host}: check the URL, and who answers there"
    chosen = store(ca_file)
    return (
        f"has a certificate that is not trusted ({error.verify_message}; trusted are the authorities in"
        f" {chosen.path}, by {chosen.named_by}): where a proxy or firewall looks into TLS, name its"
        f" authority's file in {SETTING} or SSL_CERT_FILE"
    )
