"""The rows' schema for `pyarrow.json.read_json`, which has no kind for values of any shape: those are left out.

What `json` holds can be parsed from `raw_text`.
"""

import pyarrow as pa
import pyarrow.json

from common.archive.schema import fields
from common.core.rows.columns import Kind

_TYPES = {"text": pa.string(), "int64": pa.int64(), "float64": pa.float64()}


def _type(kind: Kind) -> pa.DataType:
    match kind:
        case list():
            return pa.list_(_type(kind[0]))
        case dict():
            return pa.struct([(name, _type(part)) for name, part in kind.items() if part != "json"])
    return _TYPES[kind]


def _options(kinds: dict[str, Kind]) -> pyarrow.json.ParseOptions:
    schema = pa.schema([(name, _type(kind)) for name, kind in kinds.items() if kind != "json"])
    return pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")


WS_RAW = _options(fields.WS_RAW)
REST_CHECKPOINTS = _options(fields.REST_CHECKPOINTS)
REFERENCE, RESOLUTION = _options(fields.REFERENCE), _options(fields.RESOLUTION)
WHOLE_ROWS = pyarrow.json.ReadOptions(block_size=fields.MOST_BYTES_OF_ROW)  # no row may straddle two blocks
