import gzip
import hashlib
import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.version import PROGRAM_VERSION
from tests.doubles.rest_server import DOWN, UP, rest_server
from tests.doubles.websocket_server import Peer, WebsocketServer, frame
from tests.end_to_end.running import (
    frames_sent,
    oracle_findings,
    run_command,
    started_command,
    websocket_archives,
)
from tests.waiting import wait_for

SHORT = ("--rest-checkpoint-interval-seconds", "0.5", "--data-root", "d")
BOOK = json.dumps(
    {
        "market": "0x1",
        "asset_id": UP,
        "timestamp": "1795435200000",
        "bids": [],
        "asks": [],
        "event_type": "book",
    }
).encode()


def manifest(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        (folder / "d/manifests/checkpoint_010b_ws_raw_sample.json").read_bytes()
    )
    return document


def words(folder: Path) -> str:
    return " ".join(reason["words"] for reason in manifest(folder)["reasons"])


def rows(folder: Path) -> list[dict[str, Any]]:
    found = []
    for path in websocket_archives(folder / "d"):
        with gzip.open(path) as file:
            found += [json.loads(line) for line in file.read().split(b"\n")[:-1]]
    return found


def messages(folder: Path) -> list[dict[str, Any]]:
    return [row for row in rows(folder) if row["record_type"] == "message"]


Recording = tuple[Path, "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A sample that passed, and the command that took it."""
    folder = tmp_path_factory.mktemp("sample")
    result = run_command(
        "record_sample",
        *("--exchange", "simulated", "--duration-seconds", "5", "--simulated-oracle", "oracle"),
        *SHORT,
        folder=folder,
        environment={"RECORDER__HOST": "rack-7"},
    )
    return folder, result


def test_a_sample_of_the_embedded_exchange_passes_and_holds_every_frame_once(sample: Recording) -> None:
    folder, result = sample
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith("WS_RAW_SAMPLE_PASS\n")
    assert "Traceback" not in result.stderr
    assert frames_sent(folder / "oracle") > 200
    assert oracle_findings(folder / "oracle", folder / "d") == []
    report = (folder / "reports/checkpoints/checkpoint_010b_ws_raw_sample.md").read_text()
    assert "WS_RAW_SAMPLE_PASS" in report
    assert "Recorded from the embedded exchange: simulated data." in report
    assert f"version {PROGRAM_VERSION}" in report.replace("\\", "")
    assert manifest(folder)["program_version"] == PROGRAM_VERSION
    assert manifest(folder)["exchange"] == "simulated"
    assert json.loads((folder / "d/identity.json").read_bytes())["exchange"] == "simulated"
    for file in manifest(folder)["files"]:
        closed = (folder / "d" / file["path"]).read_bytes()
        assert hashlib.sha256(closed).hexdigest() == file["sha256"]
        assert file["sha256"] in report
        sidecar = json.loads((folder / "d" / (file["path"] + ".manifest.json")).read_bytes())
        assert sidecar["sha256"] == file["sha256"]
        assert sidecar["rows"] == file["rows"]
        assert sidecar["exchange"] == "simulated"


def test_the_rows_of_a_sample_have_the_fields_and_files_of_the_contract(sample: Recording) -> None:
    folder, _ = sample
    run_id = manifest(folder)["run_id"]
    base = folder / "d/ws_sample/polymarket"
    rest = base / f"rest_checkpoints/{run_id}/polymarket_rest_checkpoints_{run_id}.jsonl.gz"
    assert (base / f"ws_raw/{run_id}/polymarket_ws_raw_{run_id}.jsonl.gz").exists()
    found = rows(folder)
    assert found[0]["record_type"] == "session_opened"
    assert found[0]["session_opened"]["program_version"] == PROGRAM_VERSION
    assert found[-1]["record_type"] == "session_closed"
    assert found[-1]["session_closed"]["reason"] == "recorder_stopping"
    assert {(row["exchange"], row["leg"], row["host"]) for row in found} == {("simulated", "a", "rack-7")}
    assert "clock_error_ms" in found[0]["session_opened"]
    market = [row for row in found if row["record_type"] == "message"]
    assert [row["message_sequence"] for row in market] == list(range(1, len(market) + 1))
    assert [row["global_message_sequence"] for row in market] == list(range(1, len(market) + 1))
    first = market[0]
    assert set(first) == {
        "schema_version",
        "record_type",
        "exchange",
        "producer",
        "leg",
        "host",
        "session_id",
        "connection_sequence",
        "websocket",
        "subscription",
        "tokens_tracked",
        "received_at_utc",
        "received_at_ns",
        "received_monotonic_ns",
        "message_sequence",
        "global_message_sequence",
        "opcode",
        "payload_length_bytes",
        "payload_sha256",
        "raw_text",
        "json",
        "json_error",
        "classified_event_types",
    }
    assert first["classified_event_types"] == ["book"]
    assert first["json"] == json.loads(first["raw_text"])
    assert first["raw_text"].endswith("\n"), "the opening array ends in a line feed"
    assert first["subscription"]["assets_ids"] == [token["token_id"] for token in first["tokens_tracked"]]
    assert set(first["tokens_tracked"][0]) == {
        "market_slug",
        "condition_id",
        "token_id",
        "outcome",
        "end_time_utc",
        "protocol",
    }
    checkpoint = json.loads(gzip.decompress(rest.read_bytes()).split(b"\n")[0])
    assert checkpoint["record_type"] == "rest_checkpoint"
    assert checkpoint["exchange"] == "simulated"
    assert checkpoint["response"]["status_code"] == 200
    assert len(checkpoint["response"]["raw_response_json"]) == 4
    assert checkpoint["missing_token_ids"] == []


@pytest.mark.unmeasured
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (("silent",), "No market message arrived"),
        (("cut",), "connection_lost"),
        (("books", "kind=status", "status=500"), "/books: answered HTTP 500"),
        (("gamma", "kind=empty"), "discovery"),
        (("handshake", "status=429"), "HTTP 429"),
        (("stall",), "did not answer ws_reader-0's handshake"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_an_exchange_that_fails_never_gives_a_pass_and_the_reason_is_in_words(
    tmp_path: Path, fault: tuple[str, ...], reason: str
) -> None:
    result = run_command(
        "record_sample",
        *("--exchange", "simulated", "--duration-seconds", "2", *SHORT),
        *("--simulated-fault", *fault),
        folder=tmp_path,
        environment={"RECORDER__WEBSOCKET__PING_INTERVAL_SECONDS": "0.3"},
    )
    assert result.returncode == 3, result.stdout + result.stderr
    assert result.stdout.startswith("WS_RAW_SAMPLE_NEEDS_REVIEW\n")
    assert reason in words(tmp_path)
    assert "Traceback" not in result.stderr
    assert "NEEDS_REVIEW" in (tmp_path / "reports/checkpoints/checkpoint_010b_ws_raw_sample.md").read_text()


@pytest.mark.unmeasured
def test_without_a_network_the_sample_says_which_host_did_not_answer(tmp_path: Path) -> None:
    closed_port = "127.0.0.1:9"
    result = run_command(
        "record_sample",
        *("--duration-seconds", "2", *SHORT),
        folder=tmp_path,
        environment={"RECORDER__EXCHANGE__GAMMA_URL": f"http://{closed_port}"},
    )
    assert result.returncode == 3, result.stdout + result.stderr
    assert closed_port in words(tmp_path)
    assert "Traceback" not in result.stderr


@pytest.mark.unmeasured
def test_an_interrupt_in_the_middle_drains_closes_and_reports(tmp_path: Path) -> None:
    with started_command(
        "record_sample",
        *("--exchange", "simulated", "--duration-seconds", "80", "--simulated-oracle", "oracle", *SHORT),
        folder=tmp_path,
    ) as process:
        wait_for(
            lambda: any(path.stat().st_size > 20_000 for path in tmp_path.glob("d/ws_sample/**/.*.open")),
            what="the recording to be on disk",
        )
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 3, out + err
    assert "interrupted before the time was over" in words(tmp_path)
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []
    assert not list(tmp_path.glob("d/**/.*.open"))


def sampled(folder: Path, script: Callable[[Peer], None], *, seconds: str = "2") -> int:
    """Sample an exchange that is made of the tests' own servers; the exit code."""
    with rest_server() as rest, WebsocketServer(script) as websocket:
        result = run_command(
            "record_sample",
            *("--duration-seconds", seconds, *SHORT),
            folder=folder,
            environment={
                "RECORDER__EXCHANGE__WS_URL": websocket.url,
                "RECORDER__EXCHANGE__CLOB_URL": rest,
                "RECORDER__EXCHANGE__GAMMA_URL": rest,
                "RECORDER__WEBSOCKET__PING_INTERVAL_SECONDS": "0.5",
            },
        )
    assert "Traceback" not in result.stderr, result.stderr
    return result.returncode


@pytest.mark.unmeasured
def test_every_kind_of_frame_becomes_one_row_byte_for_byte(tmp_path: Path) -> None:
    payloads = [
        BOOK + b"\n",
        b"[]\n",
        b"",
        b"not JSON",
        b"\xff\xfe not UTF-8",
        b"INVALID OPERATION",
        '{"event_type":"book","text":"\u2028 and \u0085"}'.encode(),
        b'{"event_type":\n"book"}\r\n',
        b'{"event_type":"a_new_kind","nested":[[[{"a":[1,2,{"b":null}]}]]]}',
        b'{"event_type":"new_market","slug":"../../etc/passwd"}',
        b"[" * 100_000,
        b'{"bids":[],"asks":[]}',
        json.dumps({"event_type": "book", "padding": "x" * 10_000_000}).encode(),
    ]
    received: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.accept()
        received.append(peer.read_frame()[1])
        peer.send(*payloads)
        peer.send_raw(frame(b"in two ", fin=False) + frame(b"pieces", opcode=0))
        peer.stay_until_the_client_leaves()

    assert sampled(tmp_path, script, seconds="6") == 3, "books that say nothing cannot be read"
    assert "events cannot be read" in words(tmp_path)
    subscription = json.loads(received[0])
    assert subscription == {"assets_ids": [UP, DOWN], "type": "market", "custom_feature_enabled": True}
    found = [row for row in messages(tmp_path) if row["classified_event_types"] != ["PONG"]]
    got = [
        row["raw_text"].encode() if "raw_text" in row else bytes.fromhex("fffe") + b" not UTF-8"
        for row in found
    ]
    assert got == [*payloads, b"in two pieces"]
    assert [row["payload_sha256"] for row in found] == [hashlib.sha256(each).hexdigest() for each in got]
    kinds = [row["classified_event_types"] for row in found]
    assert kinds[0] == ["book"]
    assert kinds[5] == ["INVALID OPERATION"]
    assert kinds[8] == ["unknown:a_new_kind"]
    assert not list(tmp_path.rglob("passwd*"))
    assert any(row["classified_event_types"] == ["PONG"] for row in messages(tmp_path))
