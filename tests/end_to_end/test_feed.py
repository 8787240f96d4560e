"""What the reader does when the exchange misbehaves, seen from outside: through counters and archives."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.core.counters import COUNTERS
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.options import SimulationOptions
from tests.end_to_end.recorders import (
    break_connection,
    exchange_beside,
    lose_a_change,
    recorder,
    rows,
    send_until_counted,
)
from tests.end_to_end.running import oracle_findings, run_command
from tests.waiting import wait_for

QUICK = {
    "RECORDER__WEBSOCKET__FIRST_MESSAGE_TIMEOUT_SECONDS": "2",
    "RECORDER__WEBSOCKET__STALE_FEED_THRESHOLD_SECONDS": "2",
    "RECORDER__WEBSOCKET__FIRST_BOOK_TIMEOUT_SECONDS": "1",
    "RECORDER__WEBSOCKET__RECONNECT_MAX_DELAY_SECONDS": "0.2",
    "RECORDER__WEBSOCKET__PING_INTERVAL_SECONDS": "0.2",
}
TRADE = (
    b'{"event_type":"last_trade_price","market":"0x1","asset_id":"7","price":"0.5","size":"1","side":"BUY"'
    b',"timestamp":"1795435200000"}'
)
CLOSES = (
    (1013, "slow consumer: send buffer full", "slow_consumer"),
    (1008, "policy", "closed_by_exchange"),
    (1000, "all subscribed assets resolved", "all_subscribed_assets_resolved"),  # of those it knows of
)
OF_UPLOADS = {  # they move in test_uploads.py
    "uploads_verified_total",
    "upload_failures_total",
    "archives_cleaned_total",
}
OF_LEGS = {  # of ledgers of two legs, see tests/core/ledger/test_union_today.py
    "legs_healed_milliseconds_total",
    "legs_gap_token_milliseconds_total",
    "legs_withheld_messages_total",
    "legs_doubtful_messages_total",
}

OF_OUTSIDE = {  # of a webhook and a heartbeat, see tests/notify
    "webhook_posts_total",
    "webhook_failures_total",
    "webhook_events_dropped_total",
    "heartbeats_total",
    "heartbeat_failures_total",
}
OF_RESOLUTIONS = {  # see tests/procs/test_resolution_poller.py
    "resolution_requests_total",
    "resolution_failures_total",
    "resolution_rows_dropped_total",
    "windows_resolved_total",
    "resolutions_given_up_total",
    "resolutions_corrected_total",
    "resolution_disagreements_total",
}
OF_REFERENCE = {  # see tests/procs/test_reference.py
    "reference_messages_total",
    "reference_repeated_total",
    "reference_disordered_total",
    "reference_refusals_total",
    "reference_reconnects_total",
    "reference_dial_failures_total",
    "reference_gaps_total",
}
RARE = {  # of troubles that this test does not make
    "audit_holes_total",
    "audit_skips_total",
    "dial_failures_total",
    "discovery_hints_total",
    "divergences_resubscribed_total",
    "first_books_overdue_total",
    "log_records_dropped_total",
    "pauses_total",
    "rest_books_wrong_total",
    "rest_checkpoints_dropped_total",
    "run_folder_restorations_total",
    "spool_restorations_total",
    "stuck_processes_total",
    "wrong_batches_total",
    "ws_control_frames_total",
}


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[EmbeddedExchange]:
    options = SimulationOptions(rate=200, oracle=str(tmp_path / "oracle"))
    with exchange_beside(tmp_path, options) as exchange:
        yield exchange


@pytest.mark.unmeasured
def test_a_frozen_feed_is_replaced_although_pong_answers_and_the_third_time_discovery_is_asked(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    with recorder(tmp_path, exchange, environment=QUICK) as running:
        exchange.fault("freeze")
        running.wait_for_more("forced_discovery_refreshes_total", than=0)
        assert running.counter("stale_reconnects_total") >= 3
        wait_for(lambda: running.counter("consecutive_stale_reconnects") >= 3, what="three stale sessions")
        assert running.manifest["state"] == "RUNNING_RECONNECTING"
        exchange.fault("clear")
        wait_for(lambda: running.manifest["state"] == "RUNNING_RECEIVING", what="data again")
        wait_for(lambda: running.counter("consecutive_stale_reconnects") == 0, what="the count to begin anew")
        sessions = running.manifest["recent_sessions"]
        running.stop()
    assert {"stale_feed", "no_first_message"} <= {session["close_reason"] for session in sessions}
    assert [session["stale"] for session in sessions].count(True) >= 3
    found = rows(tmp_path, "ws_raw")
    assert any(row["classified_event_types"] == ["PONG"] for row in found if row["record_type"] == "message")
    causes = {row["gap"]["cause"] for row in found if row["record_type"] == "gap"}
    assert {"stale_feed", "no_first_message"} <= causes
    assert oracle_findings(tmp_path / "oracle", tmp_path / "d") == []


@pytest.mark.unmeasured
def test_a_token_whose_book_never_comes_is_asked_for_again_and_its_connection_replaced_once(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    patient = {  # with the others: a slow machine makes them silent for a while
        "RECORDER__WEBSOCKET__FIRST_MESSAGE_TIMEOUT_SECONDS": "60",
        "RECORDER__WEBSOCKET__STALE_FEED_THRESHOLD_SECONDS": "60",
    }
    without_windows = ("--event", "cup-winner")  # none of them ends meanwhile
    with recorder(tmp_path, exchange, *without_windows, environment={**QUICK, **patient}) as running:
        token = running.manifest["markets"][0]["tokens"][0]["token_id"]
        exchange.fault("mute", token=token)
        break_connection(exchange, "close", code=1000, reason="bye")
        running.wait_for_more("first_books_overdue_total", than=3)
        wait_for(
            lambda: "no_first_book" in {each["close_reason"] for each in running.manifest["recent_sessions"]},
            what="the connection to be replaced for the token",
        )
        reasons = [each["close_reason"] for each in running.manifest["recent_sessions"]]
        running.stop()
    assert reasons.count("no_first_book") == 1
    verified = run_command("verify_archives", "--data-root", "d", folder=tmp_path)
    assert verified.returncode == 0, verified.stdout


@pytest.mark.unmeasured
def test_each_close_ends_in_a_good_session_as_soon_as_the_exchange_allows(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    quick = {"RECORDER__WEBSOCKET__RECONNECT_MAX_DELAY_SECONDS": "0.2"}
    with recorder(tmp_path, exchange, environment=quick) as running:
        exchange.fault("handshake", status=429)
        for number, (code, words, _) in enumerate(CLOSES, start=1):
            break_connection(exchange, "close", code=code, reason=words)
            if number == 1:
                running.wait_for_more("dial_failures_total", than=1)
                exchange.fault("clear")
            running.wait_for_more("reconnects_total", than=number - 1)
            wait_for(lambda: running.manifest["state"] == "RUNNING_RECEIVING", what="the next session")
        wait_for(lambda: len(running.manifest["recent_sessions"]) > len(CLOSES), what="all sessions")
        sessions = running.manifest["recent_sessions"]
        running.stop()
    reasons = {each["close_reason"] for each in sessions if not each["stale"]}
    assert {reason for _, _, reason in CLOSES} <= reasons


def test_every_declared_counter_moves_when_what_it_counts_happens(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    environment = {
        **QUICK,
        "RECORDER__MANIFEST__HTTP_PORT": str(taken.getsockname()[1]),
        "RECORDER__DISCOVERY__REFRESH_INTERVAL_SECONDS": "1",
        "RECORDER__WRITER__ROTATION_INTERVAL_SECONDS": "3",
    }
    with taken, recorder(tmp_path, exchange, environment=environment) as running:
        wait_for(lambda: running.counter("book_checks_total"), what="hashes to be checked")
        lose_a_change(running, exchange)
        send_until_counted(running, exchange, "json_errors_total", b"garbage")
        send_until_counted(running, exchange, "unknown_messages_total", b'{"event_type":"new_kind"}')
        send_until_counted(running, exchange, "ws_requests_refused_total", b"INVALID OPERATION")
        send_until_counted(running, exchange, "unusable_events_total", TRADE.replace(b'"BUY"', b"7"))
        send_until_counted(running, exchange, "unusual_forms_total", TRADE.replace(b'"0.5"', b"0.5"))
        exchange.fault("books", kind="status", status=500, count=6)
        exchange.fault("gamma", kind="status", status=500, count=2)
        running.wait_for_more("rest_failures_total", than=0)
        running.wait_for_more("discovery_failures_total", than=0)
        exchange.fault("listing", kind="version", version="v9", field="newIds")
        running.wait_for_more("problems_total", than=0)
        exchange.fault("freeze")
        running.wait_for_more("consecutive_stale_reconnects", than=0)
        running.wait_for_more("forced_discovery_refreshes_total", than=0)
        exchange.fault("clear")
        running.kill("archive_writer-0")
        running.wait_for_more("archives_closed_total")
        elsewhere = OF_UPLOADS | OF_LEGS | OF_OUTSIDE | OF_RESOLUTIONS | OF_REFERENCE | RARE
        wanted = set(COUNTERS) - elsewhere - {"consecutive_stale_reconnects"}
        wait_for(
            lambda: not {name for name in wanted if not running.counter(name)} - {"archives_recovered_total"},
            what="every counter to move",
        )
        running.wait_for_more("archives_recovered_total", than=0)
        log = running.stop()
    assert "the exchange did not understand a request" in log
    assert not any(running.counter(name) for name in OF_UPLOADS)
