from pathlib import Path

import msgspec
import pytest

from common.core.instants import parse_utc_ns
from common.core.rows.names import ledger_path
from common.page.ledgers import LedgerShelf

FROM = parse_utc_ns("2026-11-23T11:00:00Z")
NOW = parse_utc_ns("2026-11-23T12:30:00Z")


def write(root: Path, **fields: object) -> Path:
    path = root / ledger_path("ws_raw", FROM)
    path.parent.mkdir(parents=True)
    document = {
        "stream": "ws_raw",
        "from_utc": "2026-11-23T11:00:00Z",
        "condition": "gap",
        "tokens": [{"condition": "gap", "market_slug": "btc-5m-1796108400", "token_id": "7"}],
        **fields,
    }
    path.write_bytes(msgspec.json.encode(document))
    return path


def cells(shelf: LedgerShelf) -> dict[str, str]:
    return {row["name"]: row["cells"] for row in shelf.calendar(days=1, now_ns=NOW)["rows"]}


def test_a_ledger_is_read_once_and_what_left_the_disk_leaves_the_calendar(tmp_path: Path) -> None:
    shelf = LedgerShelf(tmp_path)
    assert cells(shelf) == {}
    path = write(tmp_path)
    expected = {"websocket stream": "." * 22 + "g.", "btc-5m": "." * 22 + "g."}
    assert cells(shelf) == expected
    (ledger,) = shelf.hour(row="btc-5m", from_ns=FROM + 5)["ledgers"]
    assert ledger["tokens"][0]["token_id"] == "7"
    assert shelf.hour(row="btc-5m", from_ns=NOW)["ledgers"] == []
    path.write_bytes(b"{}")
    assert cells(shelf) == expected
    path.unlink()
    assert cells(shelf) == {}


@pytest.mark.parametrize("damage", [b"", b"\0" * 80, b"[]", b'{"stream":"ws_raw"}'])
def test_a_damaged_ledger_is_left_out_and_said(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = LedgerShelf(tmp_path)
    write(tmp_path).write_bytes(damage)
    assert cells(shelf) == {}
    assert shelf.hour(row="btc-5m", from_ns=FROM)["ledgers"] == []
    assert "ledger left out of the calendar" in caplog.messages
