"""What a browser may ask for, read carefully: every value has a bound."""

from http import HTTPStatus

from common.core.instants import parse_utc_ns
from common.status.answers import Page, Query, json_page

_LONGEST_NUMBER = 6
_LONGEST_TOKEN_ID = 78


def number_in(query: Query, name: str, otherwise: int, *, most: int) -> int:
    """A number from 1 to `most`; what is not a number counts as not said."""
    text = query.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
        return otherwise
    return min(max(int(text), 1), most)


def instant_in(query: Query, name: str) -> int | None:
    """An instant (UTC) in nanoseconds, None for what is not one."""
    try:
        return parse_utc_ns(query.get(name, ""))
    except ValueError:
        return None


def token_in(query: Query, name: str) -> str | None:
    """A token id, None for what is not one."""
    text = query.get(name, "")
    return text if text.isascii() and text.isdigit() and len(text) <= _LONGEST_TOKEN_ID else None


def refused(reason: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> Page:
    """An answer that says why there is none."""
    page = json_page({"error": reason})
    return Page(status, page.content_type, page.body)
