"""Asks Gamma for market objects, page by page; all of them or none."""

import json
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode, urlsplit

import msgspec

from common.core.instants import NS_PER_SECOND, utc_text
from common.core.json_splice import splice
from common.core.rest_rows import HttpAnswer
from common.errors import DiscoveryError, ExchangeError
from common.polymarket.http import Session, fetch

PAGE_SIZE = 100  # Gamma clamps larger ones
MAX_PAGES = 60
PAGE_TIMEOUT_S = 10.0
TOTAL_TIMEOUT_S = 60.0
_RETRY_PAUSE_S = 0.5
_LONGEST_RETRY_PAUSE_S = 5.0


class _BadPageError(Exception):
    """One page did not come or cannot be used; the text says why, `retry_after_s` how long to wait."""

    def __init__(self, reason: str, retry_after_s: float = _RETRY_PAUSE_S) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Found(msgspec.Struct, frozen=True):
    """Raw market objects in Gamma's order, what was odd about the listing, and when Gamma says it answered.

    `answered_at_ns` is by Gamma's clock, to the second; None where it does not tell.
    """

    objects: tuple[object, ...]
    warnings: tuple[str, ...]
    answered_at_ns: int | None = None


def fetch_markets(session: Session, gamma_url: str, *, ends_from_ns: int, ends_until_ns: int) -> Found:
    """Every open bitcoin market whose window ends between the two instants, soonest end first.

    Keyset paging. A page that fails is asked once more; then, and when the cursor
    runs in a circle or all takes longer than a minute, DiscoveryError: a partial listing is no answer.
    """
    query = {
        "active": "true",
        "closed": "false",
        "tag_slug": "bitcoin",
        "end_date_min": _date(ends_from_ns),
        "end_date_max": _date(ends_until_ns),
        "order": "endDate",
        "ascending": "true",
        "limit": str(PAGE_SIZE),
    }
    deadline = time.monotonic() + TOTAL_TIMEOUT_S
    objects: list[object] = []
    answered_at_ns: int | None = None
    cursors: set[str] = set()
    for _ in range(MAX_PAGES):
        url = f"{gamma_url.rstrip('/')}/markets/keyset?{urlencode(query)}"
        markets, cursor, answered_at = _page_with_retry(session, url)
        objects += markets
        answered_at_ns = answered_at_ns or answered_at
        if not cursor or not markets:
            return Found(tuple(objects), (), answered_at_ns)
        if cursor in cursors:
            raise DiscoveryError(
                f"{gamma_url}: its pages run in a circle (cursor {cursor[:80]!r} came twice)"
            )
        if time.monotonic() > deadline:
            raise DiscoveryError(f"{gamma_url}: listing all markets took longer than {TOTAL_TIMEOUT_S:g} s")
        cursors.add(cursor)
        query["after_cursor"] = cursor
    # Soonest ends come first, so the windows to record now are all there.
    stopped = f"stopped after {MAX_PAGES} pages: markets that end last are missing"
    return Found(tuple(objects), (stopped,), answered_at_ns)


def _page_with_retry(session: Session, url: str) -> tuple[list[object], str, int | None]:
    try:
        return _page(session, url)
    except _BadPageError as error:
        time.sleep(error.retry_after_s)
    try:
        return _page(session, url)
    except _BadPageError as error:
        raise DiscoveryError(f"{error}; asked twice (exchange.gamma_url: {url.partition('?')[0]})") from error


def _page(session: Session, url: str) -> tuple[list[object], str, int | None]:
    try:
        answer = fetch(session, "GET", url, timeout_s=PAGE_TIMEOUT_S)
    except ExchangeError as error:
        raise _BadPageError(str(error)) from error
    host = urlsplit(url).netloc
    if answer.status_code != 200:
        raise _BadPageError(f"{host} answered {answer.status_code}", _retry_after(answer))
    spliced = splice(answer.body)
    if spliced.value is None:
        raise _BadPageError(f"{host} answered what is not JSON: {spliced.error}")
    page = json.loads(spliced.value)
    if not isinstance(page, dict) or not isinstance(page.get("markets"), list):
        raise _BadPageError(f"{host} answered without a list of markets")
    cursor = page.get("next_cursor")
    if cursor is not None and not isinstance(cursor, str):
        raise _BadPageError(f"{host} answered a next_cursor that is no text")
    return page["markets"], cursor or "", _answered_at_ns(answer)


def _answered_at_ns(answer: HttpAnswer) -> int | None:
    """The host's clock when it answered: what a cache kept for a while is that much older than its date."""
    try:
        made = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        return None
    age = answer.headers.get("age", "0")
    kept_s = int(age) if age.isdecimal() and len(age) < 9 else 0
    return (int(made.timestamp()) + kept_s) * NS_PER_SECOND


def _retry_after(answer: HttpAnswer) -> float:
    wanted = answer.headers.get("retry-after", "")
    if not wanted.isascii() or not wanted.isdigit():
        return _RETRY_PAUSE_S
    return min(float(wanted[:9]), _LONGEST_RETRY_PAUSE_S)


def _date(epoch_ns: int) -> str:
    return utc_text(epoch_ns // NS_PER_SECOND * NS_PER_SECOND).replace(".000000", "")
