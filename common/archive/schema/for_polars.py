"""The rows' schema for `polars.scan_ndjson`; a value of any shape is its JSON text."""

import polars as pl

from common.archive.schema import fields
from common.core.rows.columns import Kind

_TYPES = {"text": pl.String(), "int64": pl.Int64(), "float64": pl.Float64(), "json": pl.String()}


def _type(kind: Kind) -> pl.DataType:
    match kind:
        case list():
            return pl.List(_type(kind[0]))
        case dict():
            return pl.Struct({name: _type(part) for name, part in kind.items()})
    return _TYPES[kind]


WS_RAW = {name: _type(kind) for name, kind in fields.WS_RAW.items()}
REST_CHECKPOINTS = {name: _type(kind) for name, kind in fields.REST_CHECKPOINTS.items()}
REFERENCE = {name: _type(kind) for name, kind in fields.REFERENCE.items()}
RESOLUTION = {name: _type(kind) for name, kind in fields.RESOLUTION.items()}
