"""Stepping through what happened: forward from an iterator, backward through what is remembered of it."""

from collections import deque
from collections.abc import Iterator

from common.core.views.book_view import BookView

KEPT = 20_000  # views that can be gone back to: memory must not grow with the recording


class Stepper:
    """A place among the views of one token. It begins before the first: call `next` once."""

    def __init__(self, views: Iterator[BookView], *, kept: int = KEPT) -> None:
        self._coming = views
        self._known: deque[BookView] = deque(maxlen=kept)
        self._at = -1

    @property
    def current(self) -> BookView | None:
        """The view at this place; None before the first."""
        return self._known[self._at] if self._known else None

    def next(self) -> bool:
        """Go one event on; False at the end of the recording."""
        if self._at + 1 < len(self._known):
            self._at += 1
            return True
        view = next(self._coming, None)
        if view is None:
            return False
        self._known.append(view)
        self._at = len(self._known) - 1
        return True

    def previous(self) -> bool:
        """Go one event back; False at the beginning, or where nothing earlier is remembered."""
        if self._at <= 0:
            return False
        self._at -= 1
        return True

    def jump(self, by_ns: int) -> bool:
        """Go to the first event at least that much later, or (negative) earlier; False if an end came first."""
        if self.current is None:
            return self.next()
        target_ns = self.current.received_at_ns + by_ns
        if by_ns < 0:
            return self._back_to(target_ns)
        return self._on_to(target_ns)

    def _back_to(self, target_ns: int) -> bool:
        while self.previous():
            if self._known[self._at].received_at_ns <= target_ns:
                return True
        return False

    def _on_to(self, target_ns: int) -> bool:
        while self.next():
            if self._known[self._at].received_at_ns >= target_ns:
                return True
        return False
