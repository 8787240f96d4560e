"""The columns of the table of windows, and a window as a row of them."""

from typing import Any

from common.core.resolution.answers import SOURCES
from common.core.resolution.window import WindowFacts
from common.core.views.export_columns import Column

MILLIONTHS = 1_000_000
TELLERS = (*SOURCES, "websocket")
COLUMNS = (
    Column("market_slug", "text", "the market's name"),
    Column("condition_id", "text", "the market; empty where only a ledger tells of it"),
    Column("series", "word", "the series of its windows"),
    Column("starts_at", "instant_ns", "the window's start"),
    Column("ends_at", "instant_ns", "its end"),
    Column("exchange", "word", "`live`, or `simulated` for the embedded exchange"),
    Column("question", "text", "as Gamma words it"),
    Column("strike", "text", "the price to beat, in all its digits; empty where it is not known"),
    Column("strike_source", "word", "`exchange` where its metadata states it, else as `final_source`"),
    Column("final", "text", "the price that settles it, in all its digits"),
    Column(
        "final_source",
        "word",
        "`told_average`: the source's own average; `own_average`: made of its plain prices",
    ),
    Column("lowest", "text", "the lowest settlement price within the window"),
    Column("highest", "text", "the highest"),
    Column("prices", "int64", "how many are recorded"),
    Column("told_gamma", "word", "the outcome that Gamma told last"),
    Column("told_data_api", "word", "the outcome that the data API told last"),
    Column("told_websocket", "word", "the outcome that a `market_resolved` frame announced"),
    Column("corrected", "bool", "whether one of them told another one before"),
    Column("reporter", "word", "who decided, as the data API states it: `CHAINLINK`, `UMA_OO`, `EOA`"),
    Column("resolved_at", "text", "when, in the exchange's own words"),
    Column("winner", "word", "the outcome on which all that told one agree; empty otherwise"),
    Column("recomputed", "word", "the winner by the recorded prices; empty where they do not give one"),
    Column("not_recomputed", "text", "why they do not"),
    Column(
        "trades",
        "int64",
        "trades of both outcomes, of the leg that has more; null where they were not counted",
    ),
    Column("messages", "int64", "messages that name the outcome which more of them name, by the ledgers"),
    Column(
        "coverage",
        "decimal",
        "share of the time since the first subscription that was recorded, by the ledgers",
    ),
    Column("condition", "word", "the worst condition in the ledgers; empty without one"),
    Column("findings", "text", "what contradicts what, joined by `; `; empty where all agrees"),
)


def row_of(window: WindowFacts) -> tuple[Any, ...]:
    """Its values, in the order of the columns."""
    coverage = None if window.coverage is None else round(window.coverage * MILLIONTHS)
    values = {
        **{name: getattr(window, name, None) for name in WindowFacts.__struct_fields__},
        "starts_at": window.start_ns,
        "ends_at": window.end_ns,
        "coverage": coverage,
        "findings": "; ".join(window.findings),
        **{f"told_{teller}": window.told.get(teller, "") for teller in TELLERS},
    }
    return tuple(values[column.name] for column in COLUMNS)
