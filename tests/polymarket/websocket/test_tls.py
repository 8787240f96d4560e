"""A connection over TLS gives what one without it gives, however records are cut."""

import os
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from common.errors import ExchangeError
from common.polymarket.websocket.connection import ConnectionEnded
from common.polymarket.websocket.pieces import Received
from tests.doubles.websocket_server import TEXT, Peer, WebsocketServer, frame
from tests.polymarket.connections import all_of, connect, next_message


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """One that connections trust."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority


def server_context(authority: trustme.CA, host: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    return context


def what_comes(authority: trustme.CA, script: Callable[[Peer], None]) -> tuple[list[bytes], ConnectionEnded]:
    """The messages of a connection until its end."""
    with WebsocketServer(script, tls=server_context(authority)) as server:
        connection = connect(server.url)
        try:
            messages, end = all_of(connection, many=True)
        finally:
            connection.close()
    assert all(opcode == TEXT for opcode, _ in messages)
    return [payload for _, payload in messages], end


def test_the_same_holds_over_tls_with_one_record_a_message(authority: trustme.CA) -> None:
    payloads = [b"x" * size for size in (0, 100, 20_000, 70_000, 1_000_000)]

    def script(peer: Peer) -> None:
        peer.accept()
        for payload in payloads:
            peer.send(payload)
        peer.stay_until_the_client_leaves()

    with WebsocketServer(script, tls=server_context(authority)) as server:
        connection = connect(server.url)
        assert [next_message(connection).payloads[0] for _ in payloads] == payloads
        connection.close()

    def end_at_once(peer: Peer) -> None:
        peer.accept()
        for payload in payloads:
            peer.send(payload)
        peer.close(1000, "bye")
        peer.read_frame()

    messages, end = what_comes(authority, end_at_once)
    assert messages == payloads
    assert end.detail == "1000 bye"


def test_what_came_with_the_answer_to_the_handshake_is_there(authority: trustme.CA) -> None:
    def script(peer: Peer) -> None:
        peer.accept(behind=frame(b"at once") + frame(b"and this"))
        peer.read_frame()

    with WebsocketServer(script, tls=server_context(authority)) as server:
        connection = connect(server.url)
        assert connection.receive() == Received(TEXT, [b"at once"])
        assert connection.receive_many() == Received(TEXT, [b"and this"])
        connection.send_text("thanks")
        connection.close()


def test_a_cut_within_a_record_comes_behind_the_messages_before_it(authority: trustme.CA) -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(b"whole")
        os.write(
            peer.connection.fileno(), b"\x17\x03\x03\x10\x00" + b"a record of 4,096 bytes that stops here"
        )

    messages, end = what_comes(authority, script)
    assert messages == [b"whole"]
    assert end.reason == "connection_lost"


def test_a_record_that_was_altered_ends_the_connection_behind_the_messages_before_it(
    authority: trustme.CA,
) -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(*[b"%d" % number for number in range(500)])
        os.write(peer.connection.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
        peer.stay_until_the_client_leaves()

    messages, end = what_comes(authority, script)
    assert messages == [b"%d" % number for number in range(500)]
    assert end.reason == "protocol_error"


def test_an_end_that_tls_announces_is_an_end(authority: trustme.CA) -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(b"last")
        assert isinstance(peer.connection, ssl.SSLSocket)
        peer.connection.unwrap()  # waits for ours; the socket below stays open

    messages, end = what_comes(authority, script)
    assert messages == [b"last"]
    assert end.reason == "connection_lost"


def test_a_server_that_never_shakes_hands_is_given_up() -> None:
    def stay_silent(peer: Peer) -> None:
        while peer.connection.recv(4096):
            pass

    with (
        WebsocketServer(stay_silent) as server,
        pytest.raises(ExchangeError, match="did not answer"),
    ):
        connect(server.url.replace("ws:", "wss:"), timeout_s=0.2)
