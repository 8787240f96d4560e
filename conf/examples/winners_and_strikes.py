"""The newest windows of a series: the settlement price on its way past each strike, and who won.

python conf/examples/winners_and_strikes.py ROOT PICTURE [SERIES]
"""

# %% What to draw. In a notebook, write your own values into DEFAULTS.
import sys
from datetime import UTC, datetime
from pathlib import Path

from matplotlib import rcParams
from matplotlib.figure import Figure

from common.archive.formats.reading import windows
from common.archive.reference_prices import reference_prices

DEFAULTS = ("data", "winners.svg", "btc-up-or-down-5m")
given = () if "ipykernel" in sys.modules else tuple(sys.argv[1:])
ROOT, PICTURE, SERIES = (*given, *DEFAULTS[len(given) :])
NEWEST = 12  # windows
COLOURS = {"Up": "tab:green", "Down": "tab:red"}

# %% The windows that have a strike; without trades the books' archives need not be read.
shown = [each for each in windows(Path(ROOT), trades=False) if each.series == SERIES and each.strike][
    -NEWEST:
]
if not shown:
    sys.exit(f"{ROOT}: no window of {SERIES} with a strike is recorded")
start_ns, end_ns = min(each.start_ns for each in shown), max(each.end_ns for each in shown)
simulated = " (simulated data)" if any(each.exchange == "simulated" for each in shown) else ""

# %% The price that settles them, the average over 60 seconds; Chainlink's plain price where no average is recorded.
paths: dict[str, dict[int, float]] = {"twap_sixty": {}, "chainlink": {}}
minute_ns = 60 * 10**9  # how late a price may have come
for _, price in reference_prices(Path(ROOT), since=start_ns, until=end_ns + minute_ns):
    in_time = price.at_ns is not None and start_ns <= price.at_ns <= end_ns
    if in_time and price.channel in paths and price.coin == shown[0].coin:
        paths[price.channel][price.at_ns or 0] = float(price.value)
path = sorted((paths["twap_sixty"] or paths["chainlink"]).items())


def moment(at_ns: int) -> datetime:
    """The instant as matplotlib takes it."""
    return datetime.fromtimestamp(at_ns / 1e9, UTC)


# %% The picture: a window is a shade in its winner's colour, with its strike as a dashed line.
rcParams["svg.fonttype"] = "none"  # words stay words, so that they can be searched
figure = Figure(figsize=(11, 5), layout="constrained")
axes = figure.subplots()
for number, each in enumerate(shown):
    start, end = moment(each.start_ns), moment(each.end_ns)
    colour = COLOURS.get(each.winner, "0.5")
    axes.axvspan(start, end, color=colour, alpha=0.12, linewidth=0)
    axes.axvline(start, color="0.7", linewidth=0.5)
    label = None if number else "strike"
    axes.hlines(
        float(each.strike), start, end, color="black", linestyles="dashed", linewidth=1.2, label=label
    )
    middle = start + (end - start) / 2
    axes.text(
        middle,
        0.97,
        each.winner or "unknown",
        transform=axes.get_xaxis_transform(),
        ha="center",
        va="top",
        color=colour,
        weight="bold",
    )
axes.plot(
    [moment(at_ns) for at_ns, _ in path],
    [value for _, value in path],
    color="tab:blue",
    label="settlement price",
)
axes.margins(x=0, y=0.15)
axes.ticklabel_format(axis="y", useOffset=False)
axes.set_ylabel(f"{shown[0].coin.upper()} in US dollars")
axes.set_xlabel(f"time of the source, {moment(start_ns):%Y-%m-%d} (UTC)")
axes.legend(loc="best")
axes.set_title(f"{SERIES}: strikes and winners of {len(shown)} windows{simulated}")
figure.savefig(PICTURE)
print(f"{PICTURE}: {len(shown)} windows, {sum(bool(each.winner) for each in shown)} with a winner")
