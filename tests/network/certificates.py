"""Certificates of every kind for servers of tests, and a folder where a store of trusted ones is."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

NOW = datetime.now(UTC)
EXPIRED = NOW - timedelta(days=1)
FUTURE = NOW + timedelta(days=1)


def server_context(
    authority: trustme.CA,
    *hosts: str,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> ssl.SSLContext:
    """Of a server that is one of these hosts (127.0.0.1 where none is named)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(
        *(hosts or ("127.0.0.1",)), not_before=not_before, not_after=not_after
    ).configure_cert(context)
    return context


def trusted(authority: trustme.CA, path: Path) -> Path:
    """A file that trusts this authority."""
    authority.cert_pem.write_to_path(path)
    return path
