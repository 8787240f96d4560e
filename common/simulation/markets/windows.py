"""The up/down windows that the embedded exchange lists: names, ids and instants, from seed and clock."""

from datetime import UTC, datetime

from common.simulation.markets.ids import digests, make_ids, protocol_of
from common.simulation.markets.listing import Event, Listing, Protocols, Series, Tag

DAY_WINDOWS = 288  # markets are listed about a day before they start: 288 windows of five minutes
HISTORY_WINDOWS = 24  # settled windows of five minutes that Gamma still lists
REAL_SECONDS = 300  # the length of a five-minute window; every delay scales with the simulated length
CENT = 100  # ten-thousandths
HALF_CENT = 50
_COINS: tuple[tuple[str, str, str, str, int], ...] = (
    ("btc", "Bitcoin", "10684", "10192", CENT),
    ("eth", "Ethereum", "10683", "10191", CENT),
    ("sol", "Solana", "10686", "10423", HALF_CENT),
)


def _series(at: int) -> tuple[Series, Series]:
    """Both series of a coin. The protocols of its current windows differ most of the time, and from coin to coin."""
    coin, name, short_id, long_id, tick = _COINS[at]
    own: Tag = (name, name.lower())
    tags: tuple[Tag, ...] = (own, ("Up or Down", "up-or-down"))
    if coin != "btc":
        tags = (*tags, ("Crypto", "crypto"))

    def one(series_id: str, minutes: int, multiple: int) -> Series:
        slug, prefix = f"{coin}-up-or-down-{minutes}m", f"{coin}-updown-{minutes}m"
        title, tag = f"{coin.upper()} Up or Down {minutes}m", f"{minutes}M"
        v2_parity = (at + (multiple == 1)) % 2
        shown = (*tags, (tag, tag.lower()))
        return Series(series_id, slug, prefix, title, tag, multiple, name, shown, v2_parity, tick)

    short, long = one(short_id, 5, 1), one(long_id, 15, 3)
    return short, long


SERIES = tuple(series for at in range(len(_COINS)) for series in _series(at))


def make_window(
    seed: int, series: Series, start: int, base_seconds: int, protocols: Protocols = "mixed"
) -> Listing:
    """The window that starts at `start`; the same seed and start give the same ids in every run."""
    slug = f"{series.prefix}-{start}"
    scale = base_seconds / REAL_SECONDS
    digest = digests(seed, slug)
    length = series.multiple * base_seconds
    settled = start + length + (120 + digest[0][0] % 31) * scale
    market_id = 3_000_000 + int.from_bytes(digest[0][1:4]) % 5_000_000
    question = _question(series.asset, start, start + length)
    protocol = protocol_of(protocols, start // length + 1 - series.v2_parity)
    return Listing(
        id=str(market_id),
        slug=slug,
        question=question,
        description=_rules(series.asset),
        event=Event(str(market_id + 10_000_000), slug, question, series.tags, series),
        protocol=protocol,
        ids=make_ids(digest, protocol),
        question_id="0x" + digest[3].hex(),
        created=start - DAY_WINDOWS * base_seconds,
        tick=series.tick,
        outcomes=("Up", "Down"),
        start=start,
        end=start + length,
        settled=settled,
        closed=settled + (51 + digest[0][4] % 130) * scale,
        spare_ids=bool(digest[0][5] % 2),
    )


def _question(asset: str, start: int, end: int) -> str:
    first, last = (datetime.fromtimestamp(at, UTC) for at in (start, end))
    return f"{asset} Up or Down - {first:%B %-d}, {first:%H:%M:%S}-{last:%H:%M:%S} UTC"


def _rules(asset: str) -> str:
    return (
        f'This market will resolve to "Up" if the {asset} price at the end of the time range specified'
        " in the title is greater than or equal to the price at the beginning of that range."
        ' Otherwise, it will resolve to "Down".'
    )
