"""PMXT v2: one Parquet file an hour with the events of all markets, each token's in order.

Prices are decimal(9, 4) and sizes decimal(18, 6). Nothing in the format tells of a gap: with `clear` a token's book
becomes an empty one where it was lost, with `split` what follows goes to another folder, `part-2` and so on.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from common.archive.formats.flow import market_of
from common.archive.formats.output import HourFiles, Written
from common.core.decimal_text import normal
from common.core.formats.moments import Gaps, Levels, Lost, Moment, Tick, Trade, WholeBook
from common.core.formats.precision import precision
from common.core.instants import utc_text
from common.core.market import Token
from common.version import PROGRAM_VERSION

PRECISION = precision(price_places=4, size_places=6, price_whole=5, size_whole=12)
ROW_GROUP = 1 << 20
ZSTD_LEVEL = 9
_BATCH = 20_000  # rows that are kept as Python values
_MS = 1_000_000
_PRICE, _SIZE, _TIME = pa.decimal128(9, 4), pa.decimal128(18, 6), pa.timestamp("ms", "UTC")
SCHEMA = pa.schema(
    [
        pa.field("timestamp_received", _TIME, nullable=False),
        pa.field("timestamp", _TIME, nullable=False),
        pa.field("market", pa.binary(66), nullable=False),
        pa.field("event_type", pa.string(), nullable=False),
        pa.field("asset_id", pa.string(), nullable=False),
        ("bids", pa.string()),
        ("asks", pa.string()),
        ("price", _PRICE),
        ("size", _SIZE),
        ("side", pa.string()),
        ("best_bid", _PRICE),
        ("best_ask", _PRICE),
        ("fee_rate_bps", pa.uint16()),
        ("transaction_hash", pa.string()),
        ("old_tick_size", _PRICE),
        ("new_tick_size", _PRICE),
    ]
)
_DELTA = ["timestamp_received", "timestamp", "fee_rate_bps"]
_OF_TOKEN = ("market", "asset_id")  # the same in all rows of a token
_COLUMNS = [name for name in SCHEMA.names if name not in _OF_TOKEN]
_NOTHING: tuple[None, ...] = (None,) * (len(_COLUMNS) - 3)
_Row = tuple[Any, ...]


class PmxtWriter:
    """Keeps an hour in memory as Arrow columns, as its rows are sorted by market and token."""

    def __init__(self, files: HourFiles, hour_ns: int, tokens: Mapping[str, Token], gaps: Gaps) -> None:
        self._files, self._hour_ns, self._tokens, self._gaps = files, hour_ns, tokens, gaps
        self._rows: dict[tuple[int, str], list[_Row]] = defaultdict(list)
        self._batches: dict[tuple[int, str], list[Any]] = defaultdict(list)
        self._parts: dict[str, int] = defaultdict(lambda: 1)

    def take(self, moment: Moment) -> None:
        """Add the moment's rows."""
        key = self._parts[moment.token_id], moment.token_id
        rows = self._rows[key]
        at_ms = moment.at_ns // _MS
        match moment:
            case Levels():
                rows += [
                    (
                        *(at_ms, moment.exchange_ms, "price_change", None, None),
                        *(change.price, change.size, change.side),
                        *(_price(change.best_bid), _price(change.best_ask)),
                        *(None, None, None, None),
                    )
                    for change in moment.changes
                ]
            case WholeBook():
                sides = _side_text(moment.bids), _side_text(moment.asks)
                rows.append((at_ms, moment.exchange_ms, "book", *sides, *_NOTHING[2:]))
            case Trade():
                traded = (normal(moment.price), normal(moment.size), moment.side, None, None)
                paid = (_whole_number(moment.fee_rate_bps), moment.transaction_hash or None, None, None)
                rows.append((at_ms, moment.exchange_ms, "last_trade_price", None, None, *traded, *paid))
            case Tick():
                ticks = (_price(moment.old), _price(moment.new))
                rows.append((at_ms, moment.exchange_ms, "tick_size_change", *_NOTHING[:-2], *ticks))
            case Lost():
                if self._gaps == "clear":
                    rows.append((at_ms, moment.exchange_ms, "book", "[]", "[]", *_NOTHING[2:]))
                else:
                    self._parts[moment.token_id] += 1
        if len(rows) >= _BATCH:
            self._keep(key)

    def finish(self) -> Sequence[Written]:
        """Write one file for each part; none where nothing happened."""
        for key in [key for key, rows in self._rows.items() if rows]:
            self._keep(key)
        parts = sorted({part for part, _ in self._batches})
        return [self._write(part) for part in parts]

    def _keep(self, key: tuple[int, str]) -> None:
        columns = zip(*self._rows.pop(key), strict=True)
        self._batches[key].append(
            [_array(name, column) for name, column in zip(_COLUMNS, columns, strict=True)]
        )

    def _write(self, part: int) -> Written:
        name = f"polymarket_orderbook_{utc_text(self._hour_ns)[:13]}.parquet"
        path = name if part == 1 else f"part-{part}/{name}"
        here = {token_id for other, token_id in self._batches if other == part}
        ordered = sorted(here, key=lambda token_id: (self._market(token_id), token_id))
        table = pa.Table.from_batches(
            [
                self._batch(token_id, columns)
                for token_id in ordered
                for columns in self._batches[part, token_id]
            ],
            schema=SCHEMA.with_metadata({"written_by": PROGRAM_VERSION, "gaps": self._gaps}),
        )
        pq.write_table(
            table,
            self._files.path(path),
            row_group_size=ROW_GROUP,
            compression="zstd",
            compression_level=ZSTD_LEVEL,
            use_dictionary=[column for column in SCHEMA.names if column not in _DELTA],
            column_encoding=dict.fromkeys(_DELTA, "DELTA_BINARY_PACKED"),
        )
        return Written(path, table.num_rows, tuple(ordered))

    def _batch(self, token_id: str, columns: Sequence[Any]) -> Any:  # noqa: ANN401 - pyarrow has no types
        by_name = dict(zip(_COLUMNS, columns, strict=True))
        rows = len(columns[0])
        by_name["market"] = pa.repeat(pa.scalar(self._market(token_id).encode(), pa.binary(66)), rows)
        by_name["asset_id"] = pa.repeat(token_id, rows)
        return pa.RecordBatch.from_arrays([by_name[name] for name in SCHEMA.names], schema=SCHEMA)

    def _market(self, token_id: str) -> str:
        token = self._tokens.get(token_id)
        return ("" if token is None else market_of(token)).ljust(66, "0")[:66]


def _array(name: str, values: Sequence[Any]) -> Any:  # noqa: ANN401 - pyarrow has no types
    wanted = SCHEMA.field(name).type
    if pa.types.is_decimal(wanted):
        return pa.array(values, pa.string()).cast(wanted)
    return pa.array(values, wanted)


def _side_text(levels: Sequence[tuple[str, str]]) -> str:
    return msgspec.json.encode(levels).decode()


@lru_cache(maxsize=1 << 12)
def _price(text: str | None) -> str | None:
    """A price that only accompanies an event: none where it is not one or does not fit."""
    if not text or not text.replace(".", "", 1).isdigit():
        return None
    return None if PRECISION.misfit([(text, "0")]) else normal(text)


def _whole_number(text: str) -> int | None:
    return int(text) if text.isdigit() and len(text) < 6 and int(text) < 1 << 16 else None
