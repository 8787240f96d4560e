"""A catalog of NautilusTrader: the deltas, trades and instrument of each token, prices and sizes as exact integers.

Written with pyarrow alone. Every token has four decimal places, whatever its tick size: a catalog wants one for all of
its files, and tick sizes change. With `split` what follows a gap goes to another catalog, `part-2` and so on.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from common.archive.formats.flow import market_of
from common.archive.formats.output import HourFiles, Written
from common.core.decimal_text import PLACES, is_zero, scaled
from common.core.events.market_events import Side
from common.core.formats.moments import Gaps, Levels, Lost, Moment, Trade, WholeBook
from common.core.formats.precision import precision
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.market import Token

PRICE_PLACES, SIZE_PLACES = 4, 6
PRECISION = precision(price_places=PRICE_PLACES, size_places=SIZE_PLACES, price_whole=12, size_whole=12)
ADD, UPDATE, DELETE, CLEAR = 1, 2, 3, 4
LAST, SNAPSHOT = 128, 32
CURRENCY = "USDC"
_SIDES = {"BUY": 1, "SELL": 2}
_FINER: int = 10 ** (PLACES - 16)  # ours are whole numbers of 10**-18, a catalog's of 10**-16
_MS = 1_000_000
_BATCH = 20_000  # rows that are kept as Python values
_WORD = pa.dictionary(pa.int16(), pa.string())


def _schema(**columns: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in columns.items()])


_FIXED = pa.binary(16)
DELTAS = _schema(
    action=pa.uint8(),
    side=pa.uint8(),
    price=_FIXED,
    size=_FIXED,
    order_id=pa.uint64(),
    flags=pa.uint8(),
    sequence=pa.uint64(),
    ts_event=pa.uint64(),
    ts_init=pa.uint64(),
)
TRADES = _schema(
    price=_FIXED,
    size=_FIXED,
    aggressor_side=pa.uint8(),
    trade_id=pa.string(),
    ts_event=pa.uint64(),
    ts_init=pa.uint64(),
)
INSTRUMENT = pa.schema(
    {
        "id": pa.dictionary(pa.int64(), pa.string()),
        "raw_symbol": pa.string(),
        "asset_class": pa.dictionary(pa.int8(), pa.string()),
        "currency": _WORD,
        "price_precision": pa.uint8(),
        "size_precision": pa.uint8(),
        "price_increment": _WORD,
        "size_increment": _WORD,
        "activation_ns": pa.uint64(),
        "expiration_ns": pa.uint64(),
        "maker_fee": pa.string(),
        "taker_fee": pa.string(),
        "max_quantity": _WORD,
        "min_quantity": _WORD,
        "outcome": pa.string(),
        "description": pa.string(),
        "info": pa.binary(),
        "ts_event": pa.uint64(),
        "ts_init": pa.uint64(),
    },
    metadata={"class": "BinaryOption"},
)
_Key = tuple[str, int, str]  # kind, part, token


class NautilusWriter:
    """Keeps an hour in memory as Arrow columns: a file is named by its first and last time."""

    def __init__(self, files: HourFiles, hour_ns: int, tokens: Mapping[str, Token], gaps: Gaps) -> None:
        self._files, self._hour_ns, self._tokens, self._gaps = files, hour_ns, tokens, gaps
        self._rows: dict[_Key, _Rows] = {}
        self._parts: dict[str, int] = defaultdict(lambda: 1)

    def take(self, moment: Moment) -> None:
        """Add the moment's rows."""
        token_id, part = moment.token_id, self._parts[moment.token_id]
        at = (moment.exchange_ms * _MS, moment.at_ns)
        match moment:
            case Levels():
                last = len(moment.changes) - 1
                for index, change in enumerate(moment.changes):
                    action = DELETE if is_zero(change.size) else UPDATE
                    flags = LAST if index == last else 0
                    row = (
                        action,
                        _SIDES[change.side],
                        _fixed(change.price),
                        _fixed(change.size),
                        0,
                        flags,
                        0,
                        *at,
                    )
                    self._of("order_book_delta", part, token_id).add(row)
            case WholeBook():
                self._of("order_book_delta", part, token_id).extend(_snapshot(moment, at))
            case Trade():
                trades = self._of("trade_tick", 1, token_id)
                trade_id = f"{moment.transaction_hash[2:26] or 'trade'}-{trades.count + 1}"
                side = _SIDES[moment.side]
                trades.add((_fixed(moment.price), _fixed(moment.size), side, trade_id, *at))
            case Lost() if self._gaps == "clear":
                self._of("order_book_delta", part, token_id).add(_cleared(LAST, at))
            case Lost():
                self._parts[token_id] += 1
            case _:
                pass  # the instrument has one tick size

    def finish(self) -> Sequence[Written]:
        """Write the files of deltas and trades, and the instruments that they are about."""
        written = [self._write(key, rows) for key, rows in self._rows.items()]
        about = {(part, token_id) for _, part, token_id in self._rows}
        return written + [self._write_instrument(part, token_id) for part, token_id in sorted(about)]

    def _of(self, kind: str, part: int, token_id: str) -> "_Rows":
        key = kind, part, token_id
        rows = self._rows.get(key)
        if rows is None:
            schema = DELTAS if kind == "order_book_delta" else TRADES
            places = {"price_precision": str(PRICE_PLACES), "size_precision": str(SIZE_PLACES)}
            named = schema.with_metadata({"instrument_id": self._instrument_id(token_id), **places})
            rows = self._rows[key] = _Rows(named)
        return rows

    def _write(self, key: _Key, rows: "_Rows") -> Written:
        table = rows.table()
        times = table["ts_init"]
        path = self._path(*key, times[0].as_py(), times[-1].as_py())
        pq.write_table(table, self._files.path(path), compression="zstd")
        return Written(path, table.num_rows, (key[2],))

    def _write_instrument(self, part: int, token_id: str) -> Written:
        token = self._tokens.get(token_id)
        row = {
            "id": self._instrument_id(token_id),
            "raw_symbol": token_id,
            "asset_class": "ALTERNATIVE",
            "currency": CURRENCY,
            "price_precision": PRICE_PLACES,
            "size_precision": SIZE_PLACES,
            "price_increment": "0.0001",
            "size_increment": "0.000001",
            "activation_ns": 0,
            "expiration_ns": (token.trades_until_ns if token else None) or 0,
            "maker_fee": "0",
            "taker_fee": "0",
            "outcome": token.outcome if token else "",
            "description": token.market_slug if token else "",
            "info": b"null",
            "ts_event": self._hour_ns,
            "ts_init": self._hour_ns,
        }
        table = pa.Table.from_pylist([row], schema=INSTRUMENT)
        path = self._path("binary_option", part, token_id, self._hour_ns, self._hour_ns)
        pq.write_table(table, self._files.path(path), compression="zstd")
        return Written(path, 1, (token_id,))

    def _path(self, kind: str, part: int, token_id: str, first_ns: int, last_ns: int) -> str:
        top = "data" if part == 1 else f"part-{part}/data"
        return f"{top}/{kind}/{self._instrument_id(token_id)}/{_time(first_ns)}_{_time(last_ns)}.parquet"

    def _instrument_id(self, token_id: str) -> str:
        token = self._tokens.get(token_id)
        market = market_of(token) if token is not None else "unknown"
        return f"{market.replace('/', '')}-{token_id.replace('/', '')}.POLYMARKET"


class _Rows:
    def __init__(self, schema: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        self.count = 0
        self._schema = schema
        self._waiting: list[tuple[Any, ...]] = []
        self._batches: list[Any] = []

    def add(self, row: tuple[Any, ...]) -> None:
        self.extend([row])

    def extend(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self.count += len(rows)
        self._waiting += rows
        if len(self._waiting) >= _BATCH:
            self._keep()

    def table(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        if self._waiting:
            self._keep()
        return pa.Table.from_batches(self._batches, schema=self._schema)

    def _keep(self) -> None:
        columns = zip(*self._waiting, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        self._batches.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._waiting = []


def _snapshot(moment: WholeBook, at: tuple[int, int]) -> list[tuple[Any, ...]]:
    """A clear, then bids and asks; the last row ends the book."""
    sided: list[tuple[Side, str, str]] = [("BUY", *level) for level in moment.bids]
    sided += [("SELL", *level) for level in moment.asks]
    last = len(sided) - 1
    rows = [_cleared(SNAPSHOT if sided else SNAPSHOT | LAST, at)]
    for index, (side, price, size) in enumerate(sided):
        flags = SNAPSHOT | LAST if index == last else SNAPSHOT
        rows.append((ADD, _SIDES[side], _fixed(price), _fixed(size), 0, flags, 0, *at))
    return rows


def _cleared(flags: int, at: tuple[int, int]) -> tuple[Any, ...]:
    return (CLEAR, 0, _fixed("0"), _fixed("0"), 0, flags, 0, *at)


@lru_cache(maxsize=1 << 14)
def _fixed(text: str) -> bytes:
    """The value times 10**16 in 16 bytes, the lowest first: exact, as what does not fit is refused before."""
    return (scaled(text) // _FINER).to_bytes(16, "little", signed=True)


def _time(at_ns: int) -> str:
    """As in `2026-11-29T12-00-00-123456789Z`."""
    return f"{utc_text(at_ns)[:19].replace(':', '-')}-{at_ns % NS_PER_SECOND:09d}Z"
