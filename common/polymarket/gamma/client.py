"""Asks Gamma, within bounds: single objects and listings, page by page, with what was wrong with each answer."""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from common.core.discovery.exchange_clock import Sighting
from common.core.discovery.gamma_values import instant_of, value_of
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.rows.rest import HttpAnswer
from common.errors import DiscoveryError, ExchangeError
from common.polymarket.gamma.answers import BadAnswerError, answered_at_ns, document_of
from common.polymarket.http import Session, fetch

PAGE_SIZE = 100  # Gamma clamps larger ones
MAX_PAGES = 100
MAX_REQUESTS = 600  # of one discovery: a tenth of what Gamma takes in 20 s
REQUEST_TIMEOUT_S = 10.0
TOTAL_TIMEOUT_S = 50.0
_RETRIED_FAILURES = 4  # beyond this many the host is in trouble, and asking twice helps neither side
_HOPELESS_FAILURES = 8  # a series by all its listings, and a window of it by its address and by a filter

Query = Mapping[str, str]


class NoAnswerError(Exception):
    """Gamma was asked, and nothing usable came; the text says why."""


class Listing(msgspec.Struct, frozen=True):
    """The objects of all pages in Gamma's order; `cut_short` says why some are missing, if so."""

    objects: tuple[Any, ...]
    cut_short: str = ""


class Gamma:
    """The questions of one discovery. A question that gets no answer raises NoAnswerError and is noted.

    Raises DiscoveryError when the first questions get no answer at all: then there is no point in going on.
    """

    def __init__(
        self, session: Session, url: str, now_ns: int, *, patience_s: float = TOTAL_TIMEOUT_S
    ) -> None:
        """`now_ns` is this machine's time; it goes on by the monotonic clock. `patience_s` is for all questions."""
        self._session = session
        self._patience_s = patience_s
        self.url = url.rstrip("/")
        self._asked_at_ns = now_ns
        self._started = time.monotonic()
        self._requests = 0
        self._sound_answers = 0
        self._listings: dict[str, Listing | NoAnswerError] = {}
        self.sightings: list[Sighting] = []
        self.failures: list[str] = []
        self.cut_short: dict[str, str] = {}
        self.remarks: dict[str, None] = {}

    @property
    def now_ns(self) -> int:
        """This machine's time now."""
        return self._asked_at_ns + int((time.monotonic() - self._started) * NS_PER_SECOND)

    @property
    def has_answered(self) -> bool:
        """Whether anything usable came."""
        return self._sound_answers > 0

    def object_at(self, path: str, query: Query | None = None) -> Any | None:  # noqa: ANN401 - foreign data
        """The JSON document at a path; None where the exchange has none. Raises NoAnswerError."""
        return self._document(f"{self.url}{path}{'?' + urlencode(query) if query else ''}")

    def listing(self, path: str, query: Query, *, most_pages: int = MAX_PAGES) -> Listing | None:
        """All pages of `path`; None where the exchange has no such listing. The same question is asked once.

        Raises NoAnswerError when the first page does not come.
        """
        key = f"{path}?{urlencode(query)}"
        if key not in self._listings:
            try:
                found = self._pages(path, dict(query), most_pages)
            except NoAnswerError as error:
                self._listings[key] = error
                raise
            if found is None:
                return None
            self._listings[key] = found
            if found.cut_short:
                self.cut_short[path] = found.cut_short
        known = self._listings[key]
        if isinstance(known, NoAnswerError):
            raise known
        return known

    def _pages(self, path: str, query: dict[str, str], most_pages: int) -> Listing | None:
        query |= {"order": "endDate", "ascending": "true", "limit": str(PAGE_SIZE)}
        objects: list[Any] = []
        seen: set[str] = set()
        for _ in range(most_pages):
            try:
                page = self._page(f"{self.url}{path}?{urlencode(query)}")
            except NoAnswerError as error:
                if not objects:
                    raise
                return Listing(tuple(objects), f"a later page did not come: {error}")
            if page is None:
                return Listing(tuple(objects), "a later page was refused") if objects else None
            entries, cursor = page
            objects += entries
            if not cursor or not entries:
                return Listing(tuple(objects))
            if cursor not in seen:
                seen.add(cursor)
                query["after_cursor"] = cursor
            elif _go_on_by_date(query, entries):
                self.remarks[f"{path}: its cursor is ignored; went on by date"] = None
            else:
                return Listing(
                    tuple(objects), f"its pages run in a circle (cursor {cursor[:80]!r} came twice)"
                )
        return Listing(tuple(objects), f"stopped after {most_pages} pages: markets that end last are missing")

    def _page(self, url: str) -> tuple[list[Any], str] | None:
        page = self._document(url)
        if page is None:
            return None
        if isinstance(page, list):
            return page, ""
        entries = next(
            (page[key] for key in ("markets", "events", "data") if isinstance(page.get(key), list)), None
        )
        cursor = page.get("next_cursor")
        if entries is None or not (cursor is None or isinstance(cursor, str)):
            what = "without a list" if entries is None else "with a next_cursor that is not a string"
            raise self._failed(f"{urlsplit(url).netloc} answered {what}", url)
        return entries, cursor or ""

    def _document(self, url: str) -> Any | None:  # noqa: ANN401 - foreign data
        try:
            return self._once(url)
        except BadAnswerError as error:
            if len(self.failures) >= _RETRIED_FAILURES or self._left_s() <= error.retry_after_s:
                raise self._failed(str(error), url) from error
            time.sleep(error.retry_after_s)
        try:
            return self._once(url)
        except BadAnswerError as error:
            raise self._failed(f"{error}; asked twice", url) from error

    def _failed(self, reason: str, url: str) -> NoAnswerError:
        self.failures.append(f"{reason} (exchange.gamma_url: {url.partition('?')[0]})")
        if not self.has_answered and len(self.failures) >= _HOPELESS_FAILURES:
            raise DiscoveryError(self.failures[0])
        return NoAnswerError(self.failures[-1])

    def _left_s(self) -> float:
        return self._patience_s - (time.monotonic() - self._started)

    def _once(self, url: str) -> Any | None:  # noqa: ANN401 - foreign data
        left_s = self._left_s()
        if self._requests >= MAX_REQUESTS or left_s <= 0:
            took = f"{self._patience_s - left_s:.0f} s"
            raise BadAnswerError(f"not asked: {self._requests} requests took {took} already", 0)
        self._requests += 1
        host = urlsplit(url).netloc
        try:
            answer = fetch(self._session, "GET", url, timeout_s=min(REQUEST_TIMEOUT_S, left_s))
        except ExchangeError as error:
            raise BadAnswerError(str(error)) from error
        self._see_clock(answer)
        document = document_of(answer, host)
        self._sound_answers += document is not None
        return document

    def _see_clock(self, answer: HttpAnswer) -> None:
        exchange_ns = answered_at_ns(answer)
        if exchange_ns is not None:
            self.sightings.append(Sighting(exchange_ns, self.now_ns))


def path_of(*steps: str) -> str:
    """A path whose steps cannot be anything but steps."""
    return "".join(f"/{quote(step, safe='')}" for step in steps)


def date_text(epoch_ns: int) -> str:
    """An instant as the filters of listings take it."""
    return utc_text(epoch_ns // NS_PER_SECOND * NS_PER_SECOND).replace(".000000", "")


def _go_on_by_date(query: dict[str, str], entries: list[Any]) -> bool:
    """Ask for what ends no sooner than the last entries, where a cursor leads nowhere; whether that leads further."""
    ends = [instant_of(value_of(entry, "endDate")) for entry in entries if isinstance(entry, dict)]
    known = [end for end in ends if end is not None]
    before = instant_of(query.get("end_date_min"))
    if not known or (before is not None and max(known) <= before):
        return False
    query.pop("after_cursor", None)
    query["end_date_min"] = date_text(max(known))
    return True
