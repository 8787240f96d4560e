"""A recording of what the user names, of both protocols, over a roll of windows."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import requests

from common.core.instants import parse_utc_ns
from common.polymarket.gamma.discovery_file import FILE_NAME
from common.simulation.options import SimulationOptions
from tests.end_to_end.recorders import Recorder, exchange_beside, recorder, rows
from tests.end_to_end.running import oracle_findings
from tests.waiting import wait_for

pytestmark = pytest.mark.unmeasured

QUESTION = "https://polymarket.com/event/will-the-new-government-be-sworn-in/will-the-new-government-be-sworn-in?tid=1"
TEAMS = 20
DARK_S = 60  # so long a recorder may take to say what it does not get
WINDOW_S = 8


def recipes_of(running: Recorder, protocol: str) -> list[dict[str, Any]]:
    recipes: dict[str, list[dict[str, Any]]] = running.manifest["books"].get("recipes", {})
    return recipes.get(protocol, [])


def test_a_protocol_that_does_not_exist_yet_is_recorded_and_makes_health_red_within_a_minute(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        "RECORDER__MANIFEST__HTTP_PORT": str(port),
        "RECORDER__DISCOVERY__REFRESH_INTERVAL_SECONDS": "1",
    }
    url = f"http://127.0.0.1:{port}/healthz"
    with (
        exchange_beside(tmp_path, SimulationOptions(rate=100)) as exchange,
        recorder(tmp_path, exchange, environment=environment) as running,
    ):
        wait_for(lambda: requests.get(url, timeout=5).status_code == 200, what="a healthy recorder")
        exchange.fault("listing", kind="version", version="v9", field="shareIds")
        answer = wait_for(
            lambda: page.text if (page := requests.get(url, timeout=5)).status_code == 503 else "",
            what="health to be red",
            timeout_s=DARK_S,
        )
        assert "shareIds" in json.loads(answer)["reason"]
        assert running.manifest["state"] == "RUNNING_RECEIVING", "what is recorded goes on"
        exchange.fault("clear")
        wait_for(lambda: requests.get(url, timeout=5).status_code == 200, what="health to be green again")
        running.stop()


def test_windows_of_other_coins_a_question_and_an_event_of_20_markets_are_recorded_over_a_roll(
    tmp_path: Path,
) -> None:
    options = SimulationOptions(rate=200, window_seconds=WINDOW_S, oracle=str(tmp_path / "oracle"))
    wanted = [
        *("--series", "eth-up-or-down-5m", "--series", "sol-up-or-down-5m"),
        *("--event", "cup-winner", "--market", QUESTION),
    ]
    environment = {
        "RECORDER__DISCOVERY__LOOKAHEAD_SECONDS": str(WINDOW_S),
        "RECORDER__DISCOVERY__MARKET_END_GRACE_SECONDS": "2",
        "RECORDER__DISCOVERY__REFRESH_INTERVAL_SECONDS": "1",
    }
    found = tmp_path / "d/discovery" / FILE_NAME
    with exchange_beside(tmp_path, options) as exchange:
        with recorder(tmp_path, exchange, *wanted, environment=environment) as running:
            first = {market["slug"] for market in json.loads(found.read_bytes())["markets"]}
            wait_for(
                lambda: not first & {m["slug"] for m in running.manifest["markets"] if m["end_time_utc"]},
                what="all windows of the start to be over",
            )
            wait_for(
                lambda: all(
                    any(each["changes_agreed"] for each in recipes_of(running, protocol))
                    for protocol in ("v1", "v2")
                ),
                what="changes of both protocols to be proved by hash",
            )
            assert running.manifest["problems"] == []
            assert running.counter("divergences_total") == 0
            log = running.stop()
        assert running.process.returncode == 0, log
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []
    recorded = [row for row in rows(tmp_path, "ws_raw") if row["record_type"] == "message"]
    tokens = {token["token_id"]: token for row in recorded for token in row["tokens_tracked"]}
    assert {token["protocol"] for token in tokens.values()} == {"v1", "v2"}
    standing = {token["market_slug"] for token in tokens.values() if not token["end_time_utc"]}
    assert len(standing) == TEAMS + 1
    books = {
        event["asset_id"]
        for row in recorded
        if "book" in row["classified_event_types"]
        for event in (row["json"] if isinstance(row["json"], list) else [row["json"]])
    }
    for coin in ("eth", "sol"):
        windows = {token["market_slug"] for token in tokens.values() if token["market_slug"].startswith(coin)}
        assert len(windows & first) < len(windows), "windows were rolled"
    followed = {  # not what was over before the recorder came to it
        token["token_id"]
        for row in recorded
        for token in row["tokens_tracked"]
        if token["market_slug"] in first
        and (not token["end_time_utc"] or row["received_at_ns"] < parse_utc_ns(token["end_time_utc"]))
    }
    assert followed <= books
