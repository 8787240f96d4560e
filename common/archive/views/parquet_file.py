"""Rows of plain values to one typed Parquet file, a row group at a time."""

from array import array
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from common.core.views.export_columns import Column, Kind

COMPRESSION = "zstd"
_DECIMAL = pa.decimal128(18, 6)
_WORD = pa.dictionary(pa.int32(), pa.string())
_TYPES: dict[Kind, Any] = {
    "instant_ns": pa.timestamp("ns", "UTC"),
    "instant_ms": pa.timestamp("ms", "UTC"),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
    "text": pa.string(),
    "word": _WORD,
    "decimal": _DECIMAL,
    "decimals": pa.list_(_DECIMAL),
}


class ParquetFile:
    """A Parquet file that is being written. Memory holds one row group."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._schema = pa.schema([(column.name, _TYPES[column.kind]) for column in columns])
        self._writer = pq.ParquetWriter(
            path, self._schema, compression=COMPRESSION, store_decimal_as_integer=True
        )

    def write(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Append a row group. Raises OSError."""
        values = zip(*rows, strict=True)
        arrays = [_array(column.kind, each) for column, each in zip(self._columns, values, strict=True)]
        self._writer.write_batch(
            pa.RecordBatch.from_arrays(arrays, schema=self._schema), row_group_size=len(rows)
        )

    def close(self) -> None:
        """Write the footer; the file is whole then. Raises OSError."""
        self._writer.close()


def exchange_in(path: Path) -> str | None:
    """The exchange that an exported file states, None where an older version wrote it or it cannot be read."""
    try:
        column = pq.ParquetFile(path).read_row_group(0, columns=["exchange"]).column(0)
    except (OSError, pa.ArrowException, IndexError):
        return None
    return str(column[0].as_py()) if len(column) else None


def _array(kind: Kind, values: Sequence[Any]) -> Any:  # noqa: ANN401 - pyarrow has no types
    if kind == "decimal":
        return _decimals(pa.array(values, pa.int64()))
    if kind == "decimals":
        return _decimal_lists(values)
    return pa.array(values, _TYPES[kind])


def _decimal_lists(values: Sequence[Any]) -> Any:  # noqa: ANN401 - pyarrow has no types
    flat = array("q")
    try:
        for each in values:
            flat.extend(each)
    except TypeError:  # a None among them: rare, and slower
        lists = pa.array([list(each) for each in values], pa.list_(pa.int64()))
        return pa.ListArray.from_arrays(lists.offsets, _decimals(lists.values))
    offsets = array("i", accumulate(map(len, values), initial=0))
    numbers = pa.Array.from_buffers(pa.int64(), len(flat), [None, pa.py_buffer(flat)])
    starts = pa.Array.from_buffers(pa.int32(), len(offsets), [None, pa.py_buffer(offsets)])
    return pa.ListArray.from_arrays(starts, _decimals(numbers))


def _decimals(millionths: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Whole millionths as decimals with six places: the same 16 bytes under another type, so nothing is rounded."""
    wide = millionths.cast(pa.decimal128(19, 0))
    return pa.Array.from_buffers(_DECIMAL, len(wide), wide.buffers(), offset=wide.offset)
