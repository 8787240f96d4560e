"""What an answer over HTTP that is not the wanted one says: where it redirects to, who blocks, how long to wait."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER_S = 300.0
_MOVED = frozenset({301, 302, 303, 307, 308})
_PROXY_AUTHENTICATION_REQUIRED = 407
_ASKS_TO_WAIT = frozenset({425, 429, 503})
_CODE = re.compile(rb"error code: (\d{3,5})")
_CHALLENGES = (b"Just a moment", b"challenge-platform", b"Attention Required!")
_TITLE = re.compile(rb"<title[^>]*>\s*(.{1,80}?)\s*(?:</title|$)", re.IGNORECASE | re.DOTALL)
_SHOWN_CHARS = 200


def http_words(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """`HTTP 403` with what follows from headers (lower-case names) and the beginning of the body."""
    words = f"HTTP {status}"
    if status in _MOVED:
        target = _printable(headers.get("location", "")) or "nowhere"
        return f"{words}, a redirect to {target}; it is not followed: if that is right, change the URL in the settings"
    if status == _PROXY_AUTHENTICATION_REQUIRED:
        return f"{words}: the proxy wants a user name and a password"
    if block := _cloudflare_block(headers, body):
        return f"{words}, {block}"
    if title := _TITLE.search(body):
        page = _printable(title[1].decode(errors="replace"))
        return f"{words}, a page with the title {page!r}"
    return words


def _cloudflare_block(headers: Mapping[str, str], body: bytes) -> str:
    ray = _printable(headers.get("cf-ray", ""))
    code = _CODE.search(body)
    challenge = "cf-mitigated" in headers or any(mark in body for mark in _CHALLENGES)
    if not (code or challenge) or not (ray or headers.get("server", "").lower() == "cloudflare" or code):
        return ""
    what = f"error code {code[1].decode()}" if code else "a challenge page"
    return (
        f"blocked by Cloudflare ({what}, cf-ray {ray or 'unknown'}): check that no proxy changes the User-Agent,"
        " or try from another network"
    )


def retry_after_s(status: int, headers: Mapping[str, str]) -> float:
    """How long the other side asks to be left alone, in seconds, 0 if it does not; at most MAX_RETRY_AFTER_S."""
    if status not in _ASKS_TO_WAIT:
        return 0.0
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(float(asked[:9]), MAX_RETRY_AFTER_S)
    try:
        until, now = parsedate_to_datetime(asked), parsedate_to_datetime(headers.get("date", ""))
        return min(max((until - now).total_seconds(), 0.0), MAX_RETRY_AFTER_S)
    except (ValueError, TypeError):  # no date, or only one of them with a zone
        return 0.0


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:_SHOWN_CHARS])
