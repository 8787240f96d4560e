"""The best prices and the spread of a window's first outcome over time, with the stretches in which no book is known.

python conf/examples/spread_over_a_window.py ROOT PICTURE MARKET [SINCE [UNTIL]]
"""

# %% What to draw. In a notebook, write your own values into DEFAULTS.
import sys
from datetime import UTC, datetime
from pathlib import Path

from matplotlib import rcParams
from matplotlib.figure import Figure

from common.archive.formats.reading import KnownBook, books_at, load_events

DEFAULTS = ("data", "spread.svg", "btc-updown-5m-1795003200", "2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z")
given = () if "ipykernel" in sys.modules else tuple(sys.argv[1:])
ROOT, PICTURE, MARKET, SINCE, UNTIL = (*given, *DEFAULTS[len(given) :])
SAMPLES = (
    600  # instants at which the book is read: a gap shorter than the distance between two may not be seen
)

# %% When something of this market was received, and which outcome comes first.
events = load_events(Path(ROOT), markets=[MARKET], since=SINCE, until=UNTIL)
outcomes = events["outcome"].to_pylist()
outcome = next(name for name in outcomes if name)
received = [at for at, name in zip(events["received_at"], outcomes, strict=True) if name == outcome]
simulated = " (simulated data)" if "simulated" in events["exchange"].to_pylist() else ""
first_ns, last_ns = received[0].value, received[-1].value

# %% The book at each instant, or None while none is known: before the first snapshot, and in a gap of all legs.
instants = [first_ns + (last_ns - first_ns) * number // (SAMPLES - 1) for number in range(SAMPLES)]
known = {
    book.at_ns: book
    for book in books_at(Path(ROOT), instants, markets=[MARKET])
    if book.token.outcome == outcome
}
books = [known.get(at_ns) for at_ns in instants]


def best(book: KnownBook | None, side: str) -> float:
    """The best price of a side; not a number where the side is empty or the book is not known."""
    levels = getattr(book, side, ())
    return float(levels[0][0]) if levels else float("nan")


bids, asks = ([best(book, side) for book in books] for side in ("bids", "asks"))
middles = [(bid + ask) / 2 for bid, ask in zip(bids, asks, strict=True)]
spreads = [100 * (ask - bid) for bid, ask in zip(bids, asks, strict=True)]
times = [datetime.fromtimestamp(at_ns / 1e9, UTC) for at_ns in instants]

# %% The picture.
rcParams["svg.fonttype"] = "none"  # words stay words, so that they can be searched
figure = Figure(figsize=(10, 6), layout="constrained")
prices, spread = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
prices.fill_between(times, bids, asks, step="post", color="tab:blue", alpha=0.15)
prices.plot(times, asks, drawstyle="steps-post", color="tab:red", label="best ask")
prices.plot(
    times, middles, drawstyle="steps-post", color="black", linewidth=1, linestyle="dotted", label="mid"
)
prices.plot(times, bids, drawstyle="steps-post", color="tab:green", label="best bid")
spread.plot(times, spreads, drawstyle="steps-post", color="tab:blue")
unknown = [book is None for book in books]
for axes in (prices, spread):
    axes.fill_between(
        times, 0, 1, where=unknown, transform=axes.get_xaxis_transform(), color="0.8", label="book not known"
    )
prices.set_ylabel("price of the outcome ($)")
spread.set_ylabel("spread (cents)")
spread.set_ylim(bottom=0)
spread.set_xlabel(f"received on {times[0]:%Y-%m-%d} (UTC)")
spread.tick_params("x", rotation=20)
prices.legend(loc="best")
prices.set_title(f"{MARKET}, {outcome}: best prices{simulated}")
figure.savefig(PICTURE)
print(f"{PICTURE}: {len(instants)} instants, {unknown.count(True)} of them without a known book")
