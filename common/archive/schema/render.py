"""The schemas that are texts: for DuckDB and ClickHouse. A test holds the files in this folder to them.

`python -m common.archive.schema.render` writes them again after a change of the fields.
"""

from collections.abc import Mapping
from pathlib import Path

from common.archive.schema.fields import MOST_BYTES_OF_ROW, STREAMS
from common.core.rows.columns import Kind

FOLDER = Path(__file__).parent
_DUCKDB = {"text": "VARCHAR", "int64": "BIGINT", "float64": "DOUBLE", "json": "JSON"}
_CLICKHOUSE = {"text": "String", "int64": "Int64", "float64": "Float64", "json": "String"}


def texts() -> dict[str, str]:
    """The content of each file, by name."""
    files = {f"{stream}.clickhouse": _clickhouse_structure(kinds) for stream, kinds in STREAMS.items()}
    return {**files, "duckdb.sql": "\n".join(_duckdb_macro(*stream) for stream in STREAMS.items())}


def _duckdb_macro(stream: str, kinds: Mapping[str, Kind]) -> str:
    columns = ",\n".join(f"        {name}: '{_duckdb(kind)}'" for name, kind in kinds.items())
    return (
        f"CREATE OR REPLACE MACRO {stream}(files) AS TABLE\n"  # noqa: S608  (all of it is ours)
        f"    SELECT * FROM read_json(files, format = 'newline_delimited', compression = 'auto_detect',\n"
        f"        maximum_object_size = {MOST_BYTES_OF_ROW}, columns = {{\n{columns}\n    }});\n"
    )


def _duckdb(kind: Kind) -> str:
    match kind:
        case list():
            return f"{_duckdb(kind[0])}[]"
        case dict():
            return f"STRUCT({', '.join(f'{name} {_duckdb(part)}' for name, part in kind.items())})"
    return _DUCKDB[kind]


def _clickhouse_structure(kinds: Mapping[str, Kind]) -> str:
    return ",\n".join(f"{name} {_clickhouse(kind)}" for name, kind in kinds.items()) + "\n"


def _clickhouse(kind: Kind) -> str:
    """Arrays and tuples cannot be null there: a null is an empty one."""
    match kind:
        case list():
            return f"Array({_clickhouse(kind[0])})"
        case dict():
            return f"Tuple({', '.join(f'{name} {_clickhouse(part)}' for name, part in kind.items())})"
    return f"Nullable({_CLICKHOUSE[kind]})"


if __name__ == "__main__":
    for name, text in texts().items():
        (FOLDER / name).write_text(text)
