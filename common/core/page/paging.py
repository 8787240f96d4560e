"""A long list page by page."""

from collections.abc import Sequence
from typing import NamedTuple


class Paged(NamedTuple):
    """Where a page stands: `page` of `pages`, counted from 1. An empty list has one page."""

    page: int
    pages: int
    place: slice


def paged(found: Sequence[object], page: int, *, size: int) -> Paged:
    """The page that was asked for; of one before the first, or behind the last, that one."""
    pages = max((len(found) + size - 1) // size, 1)
    page = min(max(page, 1), pages)
    return Paged(page, pages, slice((page - 1) * size, page * size))
