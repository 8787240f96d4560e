"""The BTC up/down windows that the embedded exchange lists: names, ids and instants, from seed and clock."""

import hashlib
from datetime import UTC, datetime

import msgspec

DAY_WINDOWS = 288  # markets are listed about a day before they start: 288 windows of five minutes
HISTORY_WINDOWS = 24  # settled windows of five minutes that Gamma still lists
REAL_SECONDS = 300  # the length of a five-minute window; every delay scales with the simulated length


class Series(msgspec.Struct, frozen=True):
    """A row of windows; `multiple` is its length in windows of the shortest series."""

    id: str
    slug: str
    prefix: str
    title: str
    tag: str
    multiple: int


SERIES = (
    Series("10684", "btc-up-or-down-5m", "btc-updown-5m", "BTC Up or Down 5m", "5M", 1),
    Series("10192", "btc-up-or-down-15m", "btc-updown-15m", "BTC Up or Down 15m", "15M", 3),
)


class Window(msgspec.Struct, frozen=True):
    """One market: all instants are seconds since the epoch."""

    series: Series
    id: str
    slug: str
    condition_id: str
    token_ids: tuple[str, str]
    question_id: str
    created: int
    start: int
    end: int
    settled: float
    closed: float
    outcomes: tuple[str, str] = ("Up", "Down")

    @property
    def question(self) -> str:
        """The title, with the window in UTC."""
        first, last = (datetime.fromtimestamp(at, UTC) for at in (self.start, self.end))
        return f"Bitcoin Up or Down - {first:%B %-d}, {first:%H:%M:%S}-{last:%H:%M:%S} UTC"

    @property
    def description(self) -> str:
        """The rules of the market."""
        return (
            'This market will resolve to "Up" if the Bitcoin price at the end of the time range specified'
            " in the title is greater than or equal to the price at the beginning of that range."
            ' Otherwise, it will resolve to "Down".'
        )


def make_window(seed: int, series: Series, start: int, base_seconds: int) -> Window:
    """The window that starts at `start`; the same seed and start give the same ids in every run."""
    slug = f"{series.prefix}-{start}"
    scale = base_seconds / REAL_SECONDS
    digest = [hashlib.sha256(f"{seed} {slug} {part}".encode()).digest() for part in range(4)]
    end = start + series.multiple * base_seconds
    settled = end + (120 + digest[0][0] % 31) * scale
    return Window(
        series=series,
        id=str(3_000_000 + int.from_bytes(digest[0][1:4]) % 5_000_000),
        slug=slug,
        condition_id="0x" + digest[0].hex(),
        token_ids=(str(int.from_bytes(digest[1])), str(int.from_bytes(digest[2]))),
        question_id="0x" + digest[3].hex(),
        created=start - DAY_WINDOWS * base_seconds,
        start=start,
        end=end,
        settled=settled,
        closed=settled + (51 + digest[0][4] % 130) * scale,
    )


class Calendar:
    """Every window that is listed now, by slug and by token; rolls with the clock."""

    def __init__(self, seed: int, base_seconds: int) -> None:
        self._seed = seed
        self.base_seconds = base_seconds
        self.by_slug: dict[str, Window] = {}
        self.by_token: dict[str, Window] = {}

    def roll(self, now_s: float) -> None:
        """List what has come into reach and forget what has long ended."""
        oldest = now_s - HISTORY_WINDOWS * self.base_seconds
        for window in [window for window in self.by_slug.values() if window.end < oldest]:
            del (
                self.by_slug[window.slug],
                self.by_token[window.token_ids[0]],
                self.by_token[window.token_ids[1]],
            )
        for series in SERIES:
            length = series.multiple * self.base_seconds
            start = int(oldest // length) * length
            while start <= now_s + DAY_WINDOWS * self.base_seconds:
                if start + length >= oldest and f"{series.prefix}-{start}" not in self.by_slug:
                    self._add(make_window(self._seed, series, start, self.base_seconds))
                start += length

    def _add(self, window: Window) -> None:
        self.by_slug[window.slug] = window
        self.by_token[window.token_ids[0]] = self.by_token[window.token_ids[1]] = window
