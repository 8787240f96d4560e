"""How much could be bought or sold up to each price at some instants: the cumulative depth of an outcome's book.

python conf/examples/depth_at_instants.py ROOT PICTURE MARKET [INSTANT ...]
"""

# %% What to draw. In a notebook, write your own values into DEFAULTS.
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

from matplotlib import rcParams
from matplotlib.figure import Figure

from common.archive.formats.reading import books_at, load_events

DEFAULTS = ("data", "depth.svg", "btc-updown-5m-1795003200")
given = () if "ipykernel" in sys.modules else tuple(sys.argv[1:])
ROOT, PICTURE, MARKET, *INSTANTS = (*given, *DEFAULTS[len(given) :])
REACH = 0.15  # dollars from the best price on that are shown

# %% Three instants, evenly over what was received, where none is given.
events = load_events(Path(ROOT), markets=[MARKET])
outcomes = events["outcome"].to_pylist()
outcome = next(name for name in outcomes if name)
received = [at for at, name in zip(events["received_at"], outcomes, strict=True) if name == outcome]
simulated = " (simulated data)" if "simulated" in events["exchange"].to_pylist() else ""
first_ns, last_ns = received[0].value, received[-1].value
even = [first_ns + (last_ns - first_ns) * part // 6 for part in (1, 3, 5)]

# %% The books; an instant at which the book is not known, as in a gap, gives none.
books = [
    book for book in books_at(Path(ROOT), INSTANTS or even, markets=[MARKET]) if book.token.outcome == outcome
]
if not books:
    sys.exit(f"{ROOT}: no book of {MARKET} is known at these instants")


def cumulative(levels: Sequence[tuple[str, str]]) -> tuple[list[float], list[float]]:
    """Prices from the best on, and the shares that are offered up to each; a column rises from 0 at the best."""
    near = [level for level in levels if abs(float(level[0]) - float(levels[0][0])) <= REACH]
    prices = [float(price) for price, _ in near]
    shares = accumulate(float(size) for _, size in near)
    return prices[:1] + prices, [0.0][: len(near)] + list(shares)


# %% The picture: a panel for each instant.
rcParams["svg.fonttype"] = "none"  # words stay words, so that they can be searched
figure = Figure(figsize=(4 * len(books) + 1, 4), layout="constrained")
panels = figure.subplots(1, len(books), sharex=True, sharey=True, squeeze=False)[0]
for panel, book in zip(panels, books, strict=True):
    for levels, colour, label in ((book.bids, "tab:green", "bids"), (book.asks, "tab:red", "asks")):
        prices, shares = cumulative(levels)
        panel.fill_between(prices, shares, step="post", color=colour, alpha=0.2)
        panel.plot(prices, shares, drawstyle="steps-post", color=colour, label=label)
    panel.set_title(f"{datetime.fromtimestamp(book.at_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC")
    panel.set_xlabel("price ($)")
panels[0].set_ylim(bottom=0)
panels[0].set_ylabel("shares from the best price on")
panels[0].legend()
figure.suptitle(f"{MARKET}, {outcome}: cumulative depth{simulated}")
figure.savefig(PICTURE)
print(f"{PICTURE}: {len(books)} books")
