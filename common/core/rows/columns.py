"""What a column of the rows holds, and which stream has it: stated beside each field of `reading.Row`."""

from typing import Any

import msgspec

from common.core.market import Token
from common.core.rows.names import REFERENCE, REQUEST_STREAMS, STREAMS, WS_RAW

Kind = (
    Any  # "text" | "int64" | "float64" | "json" | [Kind] | {name: Kind}; mypy has no recursive alias for it
)


class Column(msgspec.Struct, frozen=True):
    """The kind of a column, which can always be null, and the streams whose rows have it.

    A kind is `text`, `int64`, `float64`, `json` (a value of any shape), a list with the kind of its items, or a dict
    with the kinds of its fields.
    """

    kind: Kind
    streams: tuple[str, ...] = STREAMS


def ws(kind: Kind) -> Column:
    """A column of websocket rows alone: the market's and those of reference prices."""
    return Column(kind, (WS_RAW, REFERENCE))


def rest(kind: Kind) -> Column:
    """A column of the rows of requests alone: of books, and of how windows were resolved."""
    return Column(kind, REQUEST_STREAMS)


TEXT, INT64 = Column("text"), Column("int64")
TOKENS = Column([dict.fromkeys(Token.__struct_fields__, "text")])
URL = ws({"url": "text"})
SUBSCRIPTION = ws({"revision": "int64", "assets_ids": ["text"]})
GAP_DETAIL = ws({"cause": "text", "from_utc": "text", "to_utc": "text", "messages": "int64"})
REQUEST = rest({"method": "text", "url": "text", "body": "json"})
RESPONSE = rest(
    {
        "status_code": "int64",
        "headers": "json",
        "elapsed_ms": "float64",
        "raw_response_json": "json",
        "raw_text": "text",
        "raw_base64": "text",
    }
)
