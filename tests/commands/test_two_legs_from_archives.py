"""The commands that read archives, on two legs and on the recordings of two hosts."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from common.core.instants import utc_text
from procs.commands import export_parquet, replay_book
from tests.archive.legs import Hearing, a_world, record
from tests.archive.markets import MS

WORLD = a_world()
TOKEN = WORLD.tokens[0]
EVENTS = ("--tables", "events")
A, B = Hearing(outages=[(90, 140)]), Hearing("b", outages=[(200, 260)])


def events_in(tables: Path) -> list[str]:
    """What happened to levels and prices, without who received it when."""
    kinds = {"price_change", "best_bid_ask", "last_trade_price"}
    names = ("exchange_at", "token_id", "event_type", "side", "price_text", "size_text", "best_bid", "hash")
    rows = [row for file in sorted(tables.rglob("*.parquet")) for row in pq.read_table(file).to_pylist()]
    return sorted(str([row[name] for name in names]) for row in rows if row["event_type"] in kinds)


def test_tables_of_two_legs_hold_what_one_unbroken_leg_would(tmp_path: Path) -> None:
    record(tmp_path / "whole", WORLD, Hearing())
    record(tmp_path / "two", WORLD, A)
    record(tmp_path / "two", WORLD, B)
    for root in ("whole", "two"):
        assert (
            export_parquet.main(
                ["--data-root", str(tmp_path / root), "--output", str(tmp_path / f"{root}-tables"), *EVENTS]
            )
            == 0
        )
    assert (
        export_parquet.main(
            [str(tmp_path / "two"), "--leg", "a", "--output", str(tmp_path / "a-tables"), *EVENTS]
        )
        == 0
    )
    assert events_in(tmp_path / "two-tables") == events_in(tmp_path / "whole-tables")
    assert len(events_in(tmp_path / "a-tables")) < len(events_in(tmp_path / "whole-tables"))


def test_a_book_is_shown_while_one_leg_knows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path, WORLD, A)
    record(tmp_path, WORLD, B)
    at = utc_text((WORLD.messages[120][0] + 30) * MS)
    options = ["--data-root", str(tmp_path), "--token", TOKEN.token_id, "--at", at, "--json"]
    shown = {}
    for leg in ("merged", "a", "b"):
        assert replay_book.main([*options, "--leg", leg]) == 0
        shown[leg] = json.loads(capsys.readouterr().out)
    assert (shown["merged"]["book"], shown["a"]["book"]) == (True, False)
    assert shown["merged"]["bids"] == shown["b"]["bids"]


def test_data_roots_of_two_hosts_are_read_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path / "one", WORLD, A)
    record(tmp_path / "two", WORLD, Hearing(host="two", outages=[(200, 260)]))
    at = utc_text((WORLD.messages[120][0] + 30) * MS)
    roots = ["--data-root", str(tmp_path / "one"), "--data-root", str(tmp_path / "two")]
    options = [*roots, "--token", TOKEN.token_id, "--at", at, "--json"]
    assert replay_book.main(options) == 1
    assert "give --clock-error-ms" in capsys.readouterr().err
    assert replay_book.main([*options, "--clock-error-ms", "50"]) == 0
    assert json.loads(capsys.readouterr().out)["book"]
    with pytest.raises(SystemExit, match="2"):
        replay_book.main([*options, "--clock-error-ms", "501"])
