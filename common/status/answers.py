"""What the status server answers with, apart from how it is sent."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Protocol

import msgspec

NO_STORE = "no-store"
REVALIDATE = "no-cache"  # may be kept, but the ETag is asked for every time: a new version shows immediately

Query = Mapping[str, str]
Headers = Mapping[str, str]


class Page(msgspec.Struct, frozen=True):
    """An answer. One with an `etag` is a file, which a client may keep; all others are of this moment."""

    status: int
    content_type: str
    body: bytes
    etag: str = ""
    headers: tuple[tuple[str, str], ...] = ()


Pages = Mapping[str, Callable[[], Page]]


class Site(Protocol):
    """The page and its data, beside the paths that monitoring asks for. Views and streams run in worker threads."""

    def refusal(self, path: str, headers: Headers) -> Page | None:
        """Why this client gets nothing from here; None where it may look. Header names are in lower case."""

    def file(self, path: str) -> Page | None:
        """A file of the page."""

    def view(self, path: str) -> Callable[[Query], Page] | None:
        """What makes an answer for a query."""

    def stream(self, path: str) -> Callable[[], bytes] | None:
        """What makes the next event of a stream of server-sent events, one line of JSON."""


def json_page(document: object, *, ok: bool = True) -> Page:
    """A document as JSON, with 200 or 503."""
    status = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
    return Page(status, "application/json", msgspec.json.encode(document) + b"\n")


def text_page(status: HTTPStatus, words: str, *headers: tuple[str, str]) -> Page:
    """A sentence for a person."""
    return Page(status, "text/plain", f"{words}\n".encode(), headers=headers)
