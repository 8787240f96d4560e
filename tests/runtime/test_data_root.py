import gzip
import json
import logging
from pathlib import Path

import pytest

from common.archive.exchange_held import exchange_held
from common.archive.identity import IDENTITY_FILE, read_identity
from common.core.market import Exchange
from common.core.rows.names import REST_CHECKPOINTS, WS_RAW, sidecar_path
from common.errors import ConfigError
from common.files import PRIVATE
from common.runtime.data_root import claim_data_root, exchange_of_data_root

NOON_NS = 1_795_435_200_000_000_000
WITHOUT_EXCHANGE = {"record_type": "message", "received_at_ns": NOON_NS}


def old_archive(root: Path, url: str, *, stream: str = WS_RAW, hour: int = 12) -> Path:
    """A closed archive as a version wrote it that did not know of exchanges."""
    where = {"websocket": {"url": url}} if stream == WS_RAW else {"request": {"method": "POST", "url": url}}
    folder = root / "raw_orderbooks" / "polymarket" / stream / "dt=2026-11-23" / f"hour={hour}"
    folder.mkdir(parents=True)
    path = folder / f"polymarket_{stream}_20261123T{hour}0000Z_p_l0_s000000000001.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(WITHOUT_EXCHANGE | where).encode() + b"\n"))
    return path


def test_the_first_recording_gives_a_data_root_its_identity_and_the_next_one_finds_it(tmp_path: Path) -> None:
    first = claim_data_root(tmp_path, "simulated", NOON_NS)
    again = claim_data_root(tmp_path, "simulated", NOON_NS + 1)
    assert (first.fresh, again.fresh) == (True, False)
    assert again.identity == first.identity == read_identity(tmp_path)
    assert first.identity.created_at_utc == "2026-11-23T12:00:00.000000Z"
    assert (tmp_path / IDENTITY_FILE).stat().st_mode & 0o777 == PRIVATE


def test_two_data_roots_differ(tmp_path: Path) -> None:
    ids = {claim_data_root(tmp_path / name, "live", NOON_NS).identity.data_root_id for name in ("a", "b")}
    assert len(ids) == 2


@pytest.mark.parametrize(("held", "come"), [("live", "simulated"), ("simulated", "live")])
def test_a_data_root_of_one_exchange_refuses_the_other(
    tmp_path: Path, held: Exchange, come: Exchange
) -> None:
    claim_data_root(tmp_path, held, NOON_NS)
    with pytest.raises(
        ConfigError, match=rf"{tmp_path} holds {held} data .* {come} data: choose another --data"
    ):
        claim_data_root(tmp_path, come, NOON_NS)
    assert exchange_of_data_root(tmp_path) == held


@pytest.mark.parametrize(
    ("stream", "url", "held"),
    [
        (WS_RAW, "wss://ws-subscriptions-clob.polymarket.com/ws/market", "live"),
        (WS_RAW, "ws://127.0.0.1:4711/ws/market", "simulated"),
        (REST_CHECKPOINTS, "http://localhost:4711/books", "simulated"),
        (REST_CHECKPOINTS, "https://clob.polymarket.com/books", "live"),
    ],
)
def test_recordings_of_an_older_version_show_what_they_are_of_by_their_url(
    tmp_path: Path, stream: str, url: str, held: Exchange
) -> None:
    old_archive(tmp_path, url, stream=stream)
    assert exchange_held(tmp_path) == held
    assert exchange_of_data_root(tmp_path) == held
    assert not (tmp_path / IDENTITY_FILE).exists(), "looking writes nothing"
    assert claim_data_root(tmp_path, held, NOON_NS).identity.exchange == held


def test_archives_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    old_archive(tmp_path, "ws://127.0.0.1:1/", hour=11)
    broken = old_archive(tmp_path, "wss://exchange.test/", hour=12)
    broken.write_bytes(b"\0" * 100)
    assert exchange_held(tmp_path) == "simulated"


def test_an_archive_that_a_crash_left_open_shows_it_too(tmp_path: Path) -> None:
    path = old_archive(tmp_path, "ws://127.0.0.1:1/")
    path.rename(path.with_name(f".{path.name}.open"))
    assert exchange_held(tmp_path) == "simulated"


def test_a_sidecar_counts_before_the_url(tmp_path: Path) -> None:
    path = old_archive(tmp_path, "ws://127.0.0.1:1/")
    Path(sidecar_path(str(path))).write_text('{"exchange": "live"}')
    assert exchange_held(tmp_path) == "live"


@pytest.mark.parametrize(
    ("discovery", "held"), [('{"source": "http://127.0.0.1:1/gamma"}', "simulated"), ("\0\0\0", "live")]
)
def test_where_all_archives_are_away_the_discovery_file_tells(
    tmp_path: Path, discovery: str, held: Exchange
) -> None:
    folder = tmp_path / "discovery"
    folder.mkdir()
    (folder / "polymarket_btc_markets_latest.json").write_text(discovery)
    assert exchange_held(tmp_path) is None, "a discovery is not a recording"
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "lane-0.journal").touch()
    assert exchange_held(tmp_path) == held


@pytest.mark.parametrize(
    "damage",
    [b"", b"\0" * 160, b"{}", b"[]", b'{"format_version": 1}', b"\xff\xfe", b'{"format_version": 0}'],
)
def test_a_damaged_identity_is_kept_aside_and_made_again_from_the_archives(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    old_archive(tmp_path, "ws://127.0.0.1:1/")
    (tmp_path / IDENTITY_FILE).write_bytes(damage)
    assert exchange_of_data_root(tmp_path) == "simulated"
    with caplog.at_level(logging.WARNING):
        claim = claim_data_root(tmp_path, "simulated", NOON_NS)
    assert claim.fresh
    assert read_identity(tmp_path) == claim.identity
    [aside] = tmp_path.glob(f"{IDENTITY_FILE}.damaged-*")
    assert aside.read_bytes() == damage
    [record] = caplog.records
    assert str(tmp_path / IDENTITY_FILE) in vars(record)["reason"]


def test_a_damaged_identity_does_not_let_the_other_exchange_in(tmp_path: Path) -> None:
    old_archive(tmp_path, "wss://exchange.test/")
    (tmp_path / IDENTITY_FILE).write_bytes(b"\0" * 160)
    with pytest.raises(ConfigError, match="holds live data"):
        claim_data_root(tmp_path, "simulated", NOON_NS)


def test_the_identity_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    newer = '{"format_version": 2, "lineage": []}'
    (tmp_path / IDENTITY_FILE).write_text(newer)
    with pytest.raises(ConfigError, match=r"identity\.json: its format_version is 2.* newer version"):
        claim_data_root(tmp_path, "live", NOON_NS)
    assert (tmp_path / IDENTITY_FILE).read_text() == newer


def test_an_identity_that_cannot_be_read_is_set_aside_too(tmp_path: Path) -> None:
    (tmp_path / IDENTITY_FILE).mkdir()
    claim = claim_data_root(tmp_path, "live", NOON_NS)
    assert read_identity(tmp_path) == claim.identity


def test_what_waits_in_a_spool_counts_where_the_data_root_is_empty(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds simulated data"):
        claim_data_root(tmp_path, "live", NOON_NS, waiting="simulated")
