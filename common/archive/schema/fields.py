"""The columns of all streams and their kinds, from the fields of a row: all schemas are made from these.

Fields that are not listed are left out by every reader, which is how archives with more fields, of a later version,
stay readable.
"""

from typing import get_type_hints

import msgspec

from common.core.rows import names
from common.core.rows.columns import Column, Kind
from common.core.rows.reading import Row

_COLUMNS: dict[str, Column] = {
    field.encode_name: hint.__metadata__[0]
    for field, hint in zip(
        msgspec.structs.fields(Row), get_type_hints(Row, include_extras=True).values(), strict=True
    )
}
STREAMS: dict[str, dict[str, Kind]] = {
    stream: {name: column.kind for name, column in _COLUMNS.items() if stream in column.streams}
    for stream in names.STREAMS
}
WS_RAW, REST_CHECKPOINTS = STREAMS[names.WS_RAW], STREAMS[names.REST_CHECKPOINTS]
REFERENCE, RESOLUTION = STREAMS[names.REFERENCE], STREAMS[names.RESOLUTION]
MOST_BYTES_OF_ROW = 256 << 20  # a payload of `websocket.max_frame_bytes` is in its row twice, with escapes
