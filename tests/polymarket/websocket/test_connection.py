import select
import socket
import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.core.market import Exchange
from common.errors import ExchangeError
from common.polymarket.websocket.connection import CONTROL_FRAMES_AT_ONCE, ConnectionEnded
from common.polymarket.websocket.pieces import Received
from tests.doubles.websocket_server import BINARY, CLOSE, PING, PONG, TEXT, Peer, WebsocketServer, frame
from tests.polymarket.connections import all_of, connect, end_of, next_message
from tests.waiting import wait_for


def saying(*payloads: bytes) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(*payloads)
        peer.stay_until_the_client_leaves()

    return script


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"PONG",
        b"not JSON",
        b"\xff\xfe\x00 not UTF-8",
        b'{"text":"line\nbreak"}',
        '{"text":"\u2028"}'.encode(),
        b"[" * 100_000,
        bytes(10 * 1024 * 1024),
        b"x" * 125,
        b"x" * 126,
        b"x" * 65_535,
        b"x" * 65_536,
    ],
    ids=lambda payload: f"{len(payload)} bytes",
)
def test_a_text_frame_comes_out_byte_for_byte(payload: bytes) -> None:
    with WebsocketServer(saying(payload, b"after")) as server:
        connection = connect(server.url)
        assert next_message(connection) == Received(1, [payload])
        assert next_message(connection) == Received(1, [b"after"])
        connection.close()


def test_many_frames_in_one_piece_come_out_in_order() -> None:
    payloads = [str(number).encode() * (number % 300) for number in range(2000)]
    with WebsocketServer(saying(*payloads)) as server:
        connection = connect(server.url)
        assert [next_message(connection).payloads[0] for _ in payloads] == payloads
        assert connection.receive() is None
        connection.close()


def test_a_frame_that_dribbles_in_byte_by_byte_is_one_message_and_never_blocks() -> None:
    go_on = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        peer.read_frame()
        data = frame(b"slow" * 50)
        peer.send_raw(data[:100])
        go_on.wait(20)
        for byte in data[100:]:
            peer.send_raw(bytes([byte]))
        peer.stay_until_the_client_leaves()

    with WebsocketServer(script) as server:
        connection = connect(server.url)
        connection.send_text("begin")
        assert select.select([connection.fileno()], [], [], 20)[0]
        assert connection.receive() is None
        go_on.set()
        assert next_message(connection).payloads[0] == b"slow" * 50
        connection.close()


def test_fragments_are_joined_and_a_ping_between_them_is_answered() -> None:
    ponged = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        peer.send_raw(frame(b"one ", fin=False) + frame(b"are you there", opcode=PING))
        if peer.read_frame() == (PONG, b"are you there"):
            ponged.set()
        peer.send_raw(frame(b"two", opcode=0))
        peer.stay_until_the_client_leaves()

    with WebsocketServer(script) as server:
        connection = connect(server.url)
        assert next_message(connection) == Received(1, [b"one two"])
        assert ponged.is_set()
        connection.close()


def test_a_binary_frame_keeps_its_opcode() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send_raw(frame(b"\x00\x01", opcode=BINARY))
        peer.stay_until_the_client_leaves()

    with WebsocketServer(script) as server:
        connection = connect(server.url)
        assert next_message(connection) == Received(2, [b"\x00\x01"])
        connection.close()


@pytest.mark.parametrize(
    ("code", "words", "reason"),
    [
        (1013, "slow consumer: send buffer full", "slow_consumer"),
        (1000, "all subscribed assets resolved", "all_subscribed_assets_resolved"),
        (1000, "", "closed_by_exchange"),
        (1008, "policy", "closed_by_exchange"),
    ],
)
def test_a_close_has_its_reason_and_comes_after_the_data_before_it(
    code: int, words: str, reason: str
) -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(b"last")
        peer.close(code, words)
        peer.read_frame()

    with WebsocketServer(script) as server:
        connection = connect(server.url)
        assert next_message(connection).payloads[0] == b"last"
        end = end_of(connection)
        assert (end.reason, end.detail) == (reason, f"{code} {words}".strip())
        connection.close()


def test_a_close_without_a_code_is_a_close() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send_raw(frame(b"", opcode=CLOSE))

    with WebsocketServer(script) as server:
        connection = connect(server.url)
        assert end_of(connection).detail == "1005"
        connection.close()


@pytest.mark.parametrize("kept", [1, 3, 50])
def test_a_cut_in_the_middle_of_a_frame_ends_the_connection(kept: int) -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send_raw(frame(b"whole") + frame(b"x" * 200)[:kept])

    with WebsocketServer(script) as server:
        connection = connect(server.url)
        assert next_message(connection).payloads[0] == b"whole"
        assert end_of(connection).reason == "connection_lost"
        connection.close()
        with pytest.raises(ConnectionEnded):
            connection.fileno()


def test_a_reset_ends_the_connection() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.cut()

    with WebsocketServer(script) as server:
        connection = connect(server.url)
        assert end_of(connection).reason == "connection_lost"
        connection.close()


def test_a_frame_announced_too_large_is_refused_before_it_is_read() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send_raw(b"\x81\x7f\x00\x00\x00\x7f\xff\xff\xff\xff")
        peer.read_frame()

    with WebsocketServer(script) as server:
        connection = connect(server.url)
        end = end_of(connection)
        assert end.reason == "frame_too_large"
        assert "549755813887 bytes" in end.detail
        connection.close()


def test_endless_fragments_are_bounded() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send_raw(frame(b"x" * 1000, fin=False))
        while True:
            peer.send_raw(frame(b"x" * 1000, opcode=0, fin=False) * 100)

    with WebsocketServer(script) as server:
        connection = connect(server.url, max_frame_bytes=65_536)
        assert end_of(connection).reason == "frame_too_large"
        connection.close()


def test_endless_empty_fragments_are_bounded() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send_raw(frame(b"", fin=False))
        while True:
            peer.send_raw(frame(b"", opcode=0, fin=False) * 1000)

    with WebsocketServer(script) as server:
        connection = connect(server.url)
        assert end_of(connection).reason == "frame_too_large"
        connection.close()


@pytest.mark.parametrize(
    "head", [b"\x89\x7f" + (1 << 30).to_bytes(8, "big"), b"\x8a\x7e\x00\x7e", b"\x09\x01x"]
)
def test_a_control_frame_is_as_small_as_the_protocol_wants_it(head: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send_raw(head)
        peer.read_frame()

    with WebsocketServer(script) as server:
        connection = connect(server.url)
        assert end_of(connection).reason == "protocol_error"
        connection.close()


def test_a_flood_of_pings_whose_answers_nobody_reads_neither_ends_a_connection_nor_keeps_its_reader() -> None:
    pings = frame(b"p" * 100, opcode=PING) * 1000

    def script(peer: Peer) -> None:
        peer.accept()
        while True:
            peer.send_raw(pings + frame(b"data"))

    with WebsocketServer(script) as server:
        connection = connect(server.url)
        messages = turns = 0
        while messages < 30:
            received = connection.receive_many()
            if received is None:
                select.select([connection.fileno()], [], [], 20)
            elif received.payloads:
                assert set(received.payloads) == {b"data"}
                messages += len(received.payloads)
            else:
                turns += 1
        assert turns >= 30 * 1000 // CONTROL_FRAMES_AT_ONCE - 30
        assert connection.take_control_frames() >= 30_000
        assert connection.take_control_frames() == 0
        connection.close()


def test_why_the_exchange_closed_is_known_although_it_does_not_wait_for_our_answer() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.close(1013, "slow consumer")
        peer.cut()

    with WebsocketServer(script) as server:
        connection = connect(server.url)
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        wait_for(lambda: any(event & select.POLLHUP for _, event in poll.poll(20_000)), what="the reset")
        assert end_of(connection).reason == "slow_consumer"
        connection.close()


def test_reserved_bits_are_a_protocol_error() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send_raw(b"\xf1\x01x")
        peer.read_frame()

    with WebsocketServer(script) as server:
        connection = connect(server.url)
        assert end_of(connection).reason == "protocol_error"
        connection.close()


def test_an_orderly_close_still_gives_what_was_under_way() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        opcode, body = peer.read_frame()
        assert opcode == CLOSE
        peer.send(b"under way")
        peer.send_raw(frame(body, opcode=CLOSE))

    with WebsocketServer(script) as server:
        connection = connect(server.url)
        connection.send_close()
        assert next_message(connection).payloads[0] == b"under way"
        assert end_of(connection).reason == "closed_by_exchange"
        connection.close()


def test_what_is_sent_arrives_masked_and_whole() -> None:
    received: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.accept(
            b"CF-Ray: abc-FRA\r\nSet-Cookie: secret=1\r\nPoly-RateLimit-Remaining: 9\r\nServer: x\r\n"
        )
        received.append(peer.read_frame()[1])
        peer.send(b"ok")

    with WebsocketServer(script) as server:
        connection = connect(server.url)
        connection.send_text("x" * 70_000)
        assert next_message(connection).payloads[0] == b"ok"
        assert received == [b"x" * 70_000]
        assert connection.handshake_headers == {
            "cf-ray": "abc-FRA",
            "poly-ratelimit-remaining": "9",
            "server": "x",
        }
        connection.close()


def test_sending_on_a_lost_connection_ends_it() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.cut()

    with WebsocketServer(script) as server:
        connection = connect(server.url)
        assert end_of(connection).reason == "connection_lost"
        with pytest.raises(ConnectionEnded):
            connection.send_text("hello")
        connection.close()


@pytest.mark.parametrize("status", ["429 Too Many Requests", "403 Forbidden"])
def test_a_refused_handshake_names_the_status(status: str) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send_raw(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    with WebsocketServer(script) as server, pytest.raises(ExchangeError, match=f"HTTP {status[:3]}"):
        connect(server.url)


def test_a_redirect_is_not_followed() -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send_raw(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")

    with WebsocketServer(script) as server, pytest.raises(ExchangeError, match=r"cannot be reached|HTTP 302"):
        connect(server.url)


def test_a_silent_handshake_ends_at_its_deadline() -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.connection.recv(1)

    with (
        WebsocketServer(script) as server,
        pytest.raises(ExchangeError, match=r"did not answer the handshake in 0\.2 s"),
    ):
        connect(server.url, timeout_s=0.2)


@pytest.mark.parametrize("url", ["ws://127.0.0.1:9/ws", "ws://nowhere.invalid/ws"])
def test_a_host_that_cannot_be_reached_is_named(url: str) -> None:
    with pytest.raises(ExchangeError, match=url):
        connect(url)


SIZES = st.sampled_from([0, 1, 5, 125, 126, 127, 900, 4000, 65_535, 65_536, 70_000])
USUAL = st.builds(
    lambda size, opcode: frame(b"x" * size, opcode=opcode), SIZES, st.sampled_from([TEXT, BINARY])
)
CONTROL = st.builds(lambda size: frame(b"p" * size, opcode=PING), st.integers(0, 125))
SPLIT = st.builds(
    lambda size, between: frame(b"a" * size, fin=False) + between + frame(b"b", opcode=0),
    SIZES,
    st.one_of(st.just(b""), CONTROL),
)
LONG_HEAD = st.just(b"\x81\x7e\x00\x02ok" + b"\x81\x7f" + (3).to_bytes(8, "big") + b"yes")
ENDS = st.sampled_from(
    [
        frame((1013).to_bytes(2, "big") + b"slow consumer", opcode=CLOSE),
        frame(b"cut short")[:5],
        frame(b"y" * 300)[:3],
        b"\xf1\x01x",
        b"\x81\x81mask?",
        frame(b"no beginning", opcode=0),
        frame(b"a", fin=False) + frame(b"not a continuation"),
        b"\x81\x7f\x00\x00\x00\x7f\xff\xff\xff\xff",
        b"",
    ]
)


@given(
    wire=st.lists(st.one_of(USUAL, USUAL, USUAL, CONTROL, SPLIT, LONG_HEAD), max_size=30),
    end=ENDS,
    cuts=st.lists(st.integers(0, 200_000), max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_taken_many_at_once_messages_and_end_are_the_same_as_one_by_one(
    wire: list[bytes], end: bytes, cuts: list[int]
) -> None:
    data = b"".join(wire) + end

    def script(peer: Peer) -> None:
        peer.accept()
        places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        for begin, stop in pairwise(places):
            peer.send_raw(data[begin:stop])
        peer.connection.shutdown(socket.SHUT_WR)
        peer.stay_until_the_client_leaves()

    taken = []
    for many in (False, True):
        with WebsocketServer(script) as server:
            connection = connect(server.url)
            messages, ended = all_of(connection, many=many)
            connection.close()
        taken.append((messages, ended.reason, ended.detail))
    assert taken[0] == taken[1]


def simulated(peer: Peer) -> None:
    peer.accept(b"X-Exchange: simulated\r\n")
    peer.stay_until_the_client_leaves()


@pytest.mark.parametrize(
    ("expected", "script", "words"),
    [
        ("live", simulated, "says that it is the embedded exchange, and this run records live data"),
        ("simulated", saying(), "is not the embedded exchange, and this run records simulated data"),
    ],
)
def test_the_other_exchange_is_refused_at_the_handshake(
    expected: Exchange, script: Callable[[Peer], None], words: str
) -> None:
    with WebsocketServer(script) as server, pytest.raises(ExchangeError, match=f"{server.url}: {words}"):
        connect(server.url, expected=expected)


def test_the_expected_exchange_is_taken_and_its_name_is_recorded() -> None:
    with WebsocketServer(simulated) as server:
        connection = connect(server.url, expected="simulated")
        assert connection.handshake_headers == {"x-exchange": "simulated"}
        connection.close()
    with WebsocketServer(saying()) as server:
        connect(server.url, expected="live").close()
