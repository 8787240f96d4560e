"""Which exchange a recording is of: what it states itself or, where it is older than that, by the URL it names."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import get_args
from urllib.parse import urlsplit

from common.core.market import Exchange

EXCHANGE_HEADER = "x-exchange"  # the embedded exchange sends it with every answer; the real one does not


def exchange_of_headers(headers: Mapping[str, str]) -> Exchange:
    """The exchange that answered: `headers` have lower-case names. Only the embedded exchange states what it is."""
    return "simulated" if headers.get(EXCHANGE_HEADER, "").strip().lower() == "simulated" else "live"


def contradiction(headers: Mapping[str, str], expected: Exchange | None) -> str:
    """Why an answer with these headers is not taken; empty where it is from the exchange that is recorded.

    `expected` is None for who takes either.
    """
    told = exchange_of_headers(headers)
    if expected is None or told == expected:
        return ""
    said = "says that it is the embedded exchange" if told == "simulated" else "is not the embedded exchange"
    return (
        f"{said}, and this run records {expected} data: its answer is not taken; check the URLs of exchange.*"
    )


def exchange_of(stated: str | None, url: str) -> Exchange:
    """What a row, sidecar or file states; one of an older version is simulated if its URL is of this machine."""
    for exchange in get_args(Exchange):
        if stated == exchange:
            return exchange  # type: ignore[no-any-return]
    return "simulated" if is_loopback(url) else "live"


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine. A text that is not a URL names no machine."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
