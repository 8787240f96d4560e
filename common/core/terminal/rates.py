"""Messages and bytes by kind, counted over one second after the other."""

from collections import Counter

import msgspec

from common.core.terminal.text import Bar, Line, Row, cell, size_text

BAR_CELLS = 20


class Rate(msgspec.Struct, frozen=True):
    """What came of one kind in one second."""

    messages: int
    bytes: int


class Rates:
    """Counts until it is asked for the second that has passed."""

    def __init__(self) -> None:
        self._messages: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def count(self, kinds: tuple[str, ...], size_bytes: int) -> None:
        """One message; of several kinds it counts under their names joined by `+`."""
        kind = "+".join(kinds)
        self._messages[kind] += 1
        self._bytes[kind] += size_bytes

    def take(self) -> dict[str, Rate]:
        """What came since the last call, the most frequent first."""
        taken = {kind: Rate(count, self._bytes[kind]) for kind, count in self._messages.most_common()}
        self._messages.clear()
        self._bytes.clear()
        return taken


def rates_rows(at_utc: str, rates: dict[str, Rate]) -> tuple[Line, list[Row]]:
    """A second's rates for a terminal: the sum, and for each kind its name, share, messages and bytes."""
    messages = sum(rate.messages for rate in rates.values())
    size = sum(rate.bytes for rate in rates.values())
    head: Line = [
        (f"{at_utc[11:19]} UTC  ", "dim"),
        (f"{messages:,} messages/s  {size_text(size)}/s", "bold"),
    ]
    return head, [
        (
            cell(f"  {kind}", "title"),
            Bar(0, rate.messages / messages, "chart", BAR_CELLS),
            cell(f"{rate.messages:,}/s", "bold"),
            cell(f"{size_text(rate.bytes)}/s", "dim"),
        )
        for kind, rate in rates.items()
    ]
