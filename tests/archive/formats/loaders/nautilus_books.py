"""Reads a catalog with nautilus_trader and prints its books at some instants. It knows nothing of this project.

Takes JSON: `catalog` and by instrument id `instants` in nanoseconds, ascending. Gives by id `books`, for each instant
bids and asks as [price, size] texts, `trades` as [price, size, side], and `outcome` of the instrument.
"""

import json
import sys
from typing import Any

from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.enums import AggressorSide, BookType
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.persistence.catalog import ParquetDataCatalog


def sides(book: Any) -> list[list[list[str]]]:  # noqa: ANN401 - it has no types
    return [
        [[str(level.price), str(level.orders()[0].size)] for level in side]
        for side in (book.bids(), book.asks())
    ]


def books(catalog: Any, name: str, instants: list[int]) -> list[list[list[list[str]]]]:  # noqa: ANN401 - it has no types
    book, found, done = OrderBook(InstrumentId.from_str(name), BookType.L2_MBP), [], 0
    deltas = catalog.order_book_deltas(instrument_ids=[name])
    for instant in instants:
        while done < len(deltas) and deltas[done].ts_init <= instant:
            book.apply_delta(deltas[done])
            done += 1
        found.append(sides(book))
    return found


def trades(catalog: Any, name: str) -> list[list[str]]:  # noqa: ANN401 - it has no types
    names = {AggressorSide.BUYER: "BUY", AggressorSide.SELLER: "SELL"}
    ticks = catalog.trade_ticks(instrument_ids=[name])
    return [[str(tick.price), str(tick.size), names[tick.aggressor_side]] for tick in ticks]


def main() -> None:
    wanted = json.load(sys.stdin)
    catalog = ParquetDataCatalog(wanted["catalog"])
    answer = {
        name: {
            "books": books(catalog, name, instants),
            "trades": trades(catalog, name),
            "outcome": catalog.instruments(instrument_ids=[name])[0].outcome,
        }
        for name, instants in wanted["instants"].items()
    }
    json.dump(answer, sys.stdout)


main()
