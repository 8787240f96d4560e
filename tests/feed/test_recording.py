import json
from pathlib import Path
from typing import Any

import msgspec

from common.core.batch import decode_envelopes
from common.core.envelope import MESSAGE, Envelope
from common.core.market import Token
from common.feed.recording import Now, Recording
from common.queue.outbox import ROW_HEADROOM_BYTES, Outbox
from common.queue.outbox_files import Identity

URL = "ws://exchange.test/ws/market"
UP = Token("btc-1", "0x1", "111", "Up", "2026-01-01T00:05:00Z")
DOWN = Token("btc-1", "0x1", "222", "Down", "2026-01-01T00:05:00Z")
MIB = ROW_HEADROOM_BYTES
SPOOL_BYTES = 12 * MIB  # more than a segment: smaller spools cannot free room


def at(second: int) -> Now:
    """So many seconds after 1970; the monotonic clock began 100 s later."""
    return Now(second * 10**9, (second - 100) * 10**9)


def utc(second: int) -> str:
    return f"1970-01-01T00:{second // 60:02d}:{second % 60:02d}.000000Z"


def open_outbox(folder: Path, *, limit_bytes: int = 2**30, lanes: int = 1) -> Outbox:
    return Outbox(folder, Identity("ws_reader-0-a", "ws_raw"), lanes=lanes, limit_bytes=limit_bytes)


def begin(outbox: Outbox, second: int = 200, number: int = 1) -> Recording:
    recording = Recording(outbox, at(second))
    open_session(outbox, recording, second, number)
    return recording


def open_session(outbox: Outbox, recording: Recording, second: int, number: int) -> None:
    assert outbox.numbers.next_connection() == number
    recording.open_session(f"s-c{number}", URL, (UP,), at(second), {"handshake_headers": {}})


def kept(outbox: Outbox) -> list[Envelope]:
    return [
        envelope
        for lane in outbox.lanes.values()
        for chunk in lane.chunks
        for envelope in decode_envelopes(chunk.segment.read(chunk.offset, chunk.length))
    ]


def rows(outbox: Outbox) -> list[dict[str, Any]]:
    return [json.loads(envelope.payload) for envelope in kept(outbox) if envelope.kind != MESSAGE]


def kinds(outbox: Outbox) -> list[str]:
    """What stands in the outbox, in order: payloads of messages, record types of rows."""
    return [
        envelope.payload[:20].decode()
        if envelope.kind == MESSAGE
        else str(json.loads(envelope.payload)["record_type"])
        for envelope in kept(outbox)
    ]


def test_a_session_is_opened_and_closed_by_rows_around_its_messages(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    recording = begin(outbox)
    recording.messages([b"one"], 1, at(201))
    recording.messages([b"two"], 1, at(202))
    assert recording.session_messages == 2
    recording.close_session("connection_lost", "reset by peer", at(203))
    assert kinds(outbox) == ["session_opened", "one", "two", "session_closed"]
    opened, closed = rows(outbox)
    assert opened["session_id"] == "s-c1"
    assert opened["connection_sequence"] == 1
    assert opened["websocket"] == {"url": URL}
    assert opened["subscription"] == {"revision": 1, "assets_ids": ["111"]}
    assert [token["outcome"] for token in opened["tokens_tracked"]] == ["Up"]
    assert opened["received_at_utc"] == utc(200)
    assert opened["received_monotonic_ns"] == 100 * 10**9
    assert closed["session_closed"] == {
        "reason": "connection_lost",
        "detail": "reset by peer",
        "messages": 2,
    }
    assert recording.gaps_declared.total() == 0, "an outage is declared when it is over"


def test_messages_are_numbered_in_their_session_and_in_their_producer(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    recording = begin(outbox)
    recording.messages([b"one"], 1, at(201))
    recording.close_session("stale_feed", "", at(202))
    open_session(outbox, recording, 203, 2)
    recording.messages([b"two"], 1, at(204))
    recording.messages([b"three"], 2, at(205))
    assert [
        (each.message_sequence, each.global_message_sequence, each.opcode)
        for each in kept(outbox)
        if each.kind == MESSAGE
    ] == [(1, 1, 1), (1, 2, 1), (2, 3, 2)]


def test_a_changed_subscription_is_a_row_and_a_new_revision_for_what_follows(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    recording = begin(outbox)
    recording.messages([b"before"], 1, at(201))
    recording.change_subscription((UP, DOWN), at(202), {"subscribed": ["222"], "unsubscribed": []})
    recording.messages([b"after"], 1, at(203))
    changed = rows(outbox)[1]
    assert changed["record_type"] == "subscription_changed"
    assert changed["subscription_changed"] == {"subscribed": ["222"], "unsubscribed": []}
    assert changed["subscription"] == {"revision": 2, "assets_ids": ["111", "222"]}
    assert changed["session_id"] == "s-c1"
    before, after = (each for each in kept(outbox) if each.kind == MESSAGE)
    assert json.loads(outbox.files.contexts[before.context].subscription_json)["revision"] == 1
    assert json.loads(outbox.files.contexts[after.context].subscription_json)["revision"] == 2


def test_an_outage_becomes_a_gap_of_the_session_that_ends_it(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    recording = begin(outbox)
    recording.close_session("slow_consumer", "1013", at(210))
    open_session(outbox, recording, 225, 2)
    gap = rows(outbox)[-1]
    assert gap["session_id"] == "s-c2"
    assert gap["gap"] == {"cause": "slow_consumer", "from_utc": utc(210), "to_utc": utc(225)}
    assert recording.gaps_declared.total() == 1
    assert msgspec.to_builtins(list(recording.recent_gaps)) == [{"declared_at_utc": utc(225), **gap["gap"]}]
    recording.close_session("stale_feed", "", at(230))
    assert kinds(outbox).count("gap") == 1


def test_the_first_session_of_a_producer_declares_no_gap(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    begin(outbox)
    assert kinds(outbox) == ["session_opened"]


def test_a_window_that_begins_before_the_first_session_is_accounted_for_by_a_gap(tmp_path: Path) -> None:
    for cause, idle in (("not_yet_connected", False), ("no_active_tokens", True)):
        outbox = open_outbox(tmp_path / cause)
        Recording(outbox, at(200)).turn_window(URL, at(210), idle=idle)
        [row] = rows(outbox)
        assert (row["record_type"], row["session_id"]) == ("gap", "")
        assert row["gap"] == {"cause": cause, "from_utc": utc(200), "to_utc": utc(210)}


def test_the_row_that_opens_a_window_names_the_tokens_that_await_their_book_if_there_are_any(
    tmp_path: Path,
) -> None:
    outbox = open_outbox(tmp_path / "o")
    recording = begin(outbox)
    recording.turn_window(URL, at(210), idle=False)
    recording.turn_window(URL, at(220), idle=False, awaited={"111": at(205).monotonic_ns})
    first, second = (row["subscription_changed"] for row in rows(outbox)[1:])
    assert first == {"subscribed": [], "unsubscribed": [], "reason": "window_opened"}
    assert second == {**first, "awaiting_books": [{"token_id": "111", "since_utc": utc(205)}]}


def test_a_session_whose_reader_died_is_ended_by_its_successor_and_the_outage_declared(
    tmp_path: Path,
) -> None:
    outbox = open_outbox(tmp_path / "o")
    recording = begin(outbox)
    recording.messages([b"one"], 1, at(201))
    recording.messages([b"two"], 1, at(205))
    outbox.close(finished=False)  # what the kernel does for a process that is killed

    again = open_outbox(tmp_path / "o")
    successor = Recording(again, at(260))
    assert successor.session_messages == 2
    closed = rows(again)[-1]
    assert closed["session_id"] == "s-c1"
    assert closed["session_closed"] == {"reason": "reader_died", "detail": "", "messages": 2}
    assert not again.files.session_is_open
    open_session(again, successor, 261, 2)
    successor.messages([b"three"], 1, at(262))
    assert rows(again)[-1]["gap"] == {"cause": "reader_died", "from_utc": utc(205), "to_utc": utc(261)}
    assert [each.global_message_sequence for each in kept(again) if each.kind == MESSAGE] == [1, 2, 3]


def test_an_outage_is_declared_also_when_the_reader_dies_in_it(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    recording = begin(outbox)
    recording.messages([b"one"], 1, at(201))
    recording.close_session("connection_lost", "", at(202))
    outbox.close(finished=False)
    again = open_outbox(tmp_path / "o")
    open_session(again, Recording(again, at(230)), 231, 2)
    assert rows(again)[-1]["gap"] == {"cause": "connection_lost", "from_utc": utc(202), "to_utc": utc(231)}


def test_a_successor_that_dies_as_well_does_not_end_the_session_twice(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    begin(outbox)
    for second in (210, 220):
        outbox.close(finished=False)
        outbox = open_outbox(tmp_path / "o")
        Recording(outbox, at(second))
    assert kinds(outbox) == ["session_opened", "session_closed"]


def fill(recording: Recording, outbox: Outbox, second: int) -> int:
    """Messages of 1 MiB, one a second, until one was refused; the second of the refused one."""
    while True:
        recording.messages([b"x" * MIB], 1, at(second))
        if outbox.undeclared:
            return second
        second += 1


def test_a_full_spool_declares_exactly_what_it_refused_once_there_is_room(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o", limit_bytes=SPOOL_BYTES)
    recording = begin(outbox)
    refused_at = fill(recording, outbox, 201)
    first = outbox.numbers.newest
    recording.messages([b"small"], 1, at(refused_at + 1))
    recording.catch_up(at(refused_at + 2))
    assert recording.gaps_declared.total() == 0, "there is no room to go on yet"
    outbox.lanes[0].forget_through(outbox.lanes[0].last_sequence)
    recording.messages([b"late"], 1, at(refused_at + 3))
    recording.catch_up(at(refused_at + 4))
    assert rows(outbox)[-1]["gap"] == {
        "cause": "spool_full",
        "from_utc": utc(refused_at),
        "to_utc": utc(refused_at + 3),
        "first_global_message_sequence": first,
        "last_global_message_sequence": first + 2,
        "messages": 3,
    }
    recording.messages([b"kept"], 1, at(refused_at + 5))
    recording.catch_up(at(refused_at + 6))
    assert kinds(outbox) == ["gap", "kept"]
    newest = kept(outbox)[-1]
    assert newest.message_sequence == newest.global_message_sequence == first + 3
    assert recording.gaps_declared.total() == 1


def test_a_second_full_spool_is_a_gap_of_its_own(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o", limit_bytes=SPOOL_BYTES)
    recording = begin(outbox)
    second = 201
    for _ in range(2):
        second = fill(recording, outbox, second) + 1
        outbox.lanes[0].forget_through(outbox.lanes[0].last_sequence)
        recording.catch_up(at(second))
    before, after = recording.recent_gaps
    assert (before.cause, after.cause) == ("spool_full", "spool_full")
    assert (before.messages, after.messages) == (1, 1)
    assert before.last_global_message_sequence is not None
    assert after.first_global_message_sequence is not None
    assert before.last_global_message_sequence < after.first_global_message_sequence


def test_rows_for_which_there_is_no_room_at_all_wait_and_keep_their_order(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o", limit_bytes=SPOOL_BYTES)
    recording = begin(outbox)
    refused_at = fill(recording, outbox, 201)
    first = outbox.numbers.newest
    while outbox.append_row(b"r" * MIB, received_at_ns=0, received_monotonic_ns=0):
        pass
    while outbox.append_row(b"r", received_at_ns=0, received_monotonic_ns=0):
        pass  # even the room that is kept for rows is used up
    held = outbox.lanes[0].last_sequence
    recording.close_session("protocol_error", "", at(refused_at + 1))
    open_session(outbox, recording, refused_at + 2, 2)
    recording.catch_up(at(refused_at + 3))
    assert outbox.lanes[0].last_sequence == held
    outbox.lanes[0].forget_through(held)
    recording.catch_up(at(refused_at + 4))
    assert kinds(outbox) == ["session_closed", "session_opened", "gap", "gap"]
    closed, opened, outage, refused = rows(outbox)
    assert closed["session_id"] == "s-c1"
    assert closed["received_at_utc"] == utc(refused_at + 1), "when it happened, not when it could be written"
    assert opened["session_id"] == "s-c2"
    assert outage["gap"]["cause"] == "protocol_error"
    assert refused["gap"]["cause"] == "spool_full"
    assert refused["gap"]["first_global_message_sequence"] == first


def test_numbers_that_a_dead_reader_refused_are_declared_by_its_successor(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o", limit_bytes=SPOOL_BYTES)
    recording = begin(outbox)
    fill(recording, outbox, 201)
    first = outbox.numbers.newest
    outbox.close(finished=False)
    again = open_outbox(tmp_path / "o", limit_bytes=SPOOL_BYTES)
    successor = Recording(again, at(250))
    again.lanes[0].forget_through(again.lanes[0].last_sequence - 1)
    successor.catch_up(at(251))
    closed, gap = rows(again)
    assert closed["session_closed"]["reason"] == "reader_died"
    assert gap["gap"]["cause"] == "spool_full"
    assert gap["gap"]["first_global_message_sequence"] == gap["gap"]["last_global_message_sequence"] == first
    open_session(again, successor, 252, 2)
    assert rows(again)[-1]["gap"]["cause"] == "reader_died"
