"""A dial that fails is over when it says so, and says what the other side did."""

import socket
import threading
import time
from collections.abc import Callable
from itertools import cycle

import psutil
import pytest

from common.network.deadline import Deadline
from common.network.errors import DialError
from common.network.race import Resolve
from common.network.resolver import Address, Resolver
from common.polymarket.http import fetch, open_session
from common.polymarket.websocket.connection import Connection
from common.runtime.background import BackgroundCall
from tests.doubles.websocket_server import Peer, WebsocketServer
from tests.network.places import address_of, black_hole, live, open_descriptors, resolving
from tests.polymarket.connections import MAX_FRAME, connect
from tests.waiting import wait_for

Script = Callable[[Peer], None]


def answering(status: str, *headers: str, body: bytes = b"") -> Script:
    def script(peer: Peer) -> None:
        peer.read_request()
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        peer.send_raw("\r\n".join(head).encode() + body)

    return script


def sending(raw: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send_raw(raw)

    return script


def cut_after_request(peer: Peer) -> None:
    peer.read_request()
    peer.cut()


def refused(script: Script, *, timeout_s: float = 20) -> DialError:
    with WebsocketServer(script) as server, pytest.raises(DialError) as caught:
        connect(server.url, timeout_s=timeout_s)
    assert str(caught.value).startswith(server.url)
    return caught.value


CHALLENGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (answering("429 Too Many Requests"), "refused the handshake with HTTP 429"),
        (
            answering("302 Found", "Location: wss://elsewhere.example/ws"),
            "refused the handshake with HTTP 302, a redirect to wss://elsewhere.example/ws; it is not followed",
        ),
        (answering("301 Moved"), "HTTP 301, a redirect to nowhere"),
        (
            answering("403 Forbidden", "CF-RAY: 8f-FRA", "Server: cloudflare", body=b"error code: 1010"),
            "HTTP 403, blocked by Cloudflare (error code 1010, cf-ray 8f-FRA): check that no proxy changes",
        ),
        (
            answering("200 OK", "cf-ray: 9a-AMS", "Server: cloudflare", body=CHALLENGE),
            "HTTP 200, blocked by Cloudflare (a challenge page, cf-ray 9a-AMS)",
        ),
        (
            answering("200 OK", body=b"<html><title>Log in to\x1b[2J the\nnetwork</title>"),
            "HTTP 200, a page with the title 'Log in to?[2J the?network'",
        ),
        (answering("200 OK", body=b'{"error":"no"}'), "refused the handshake with HTTP 200"),
        (answering("101 Switching Protocols"), "answered the handshake, but not as a websocket does"),
        (sending(b"SSH-2.0-OpenSSH_9\r\n\r\n"), "did not answer in HTTP"),
        (sending(b""), "closed the connection"),
        (sending(b"HTTP/1.1 101"), "closed the connection before its answer was whole"),
        (cut_after_request, "broke the connection during the handshake (Connection reset by peer)"),
    ],
)
def test_a_refusal_says_what_the_other_side_did(script: Script, words: str) -> None:
    assert words in str(refused(script))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 7", 7),
        ("Retry-After: 99999", 300),
        ("Retry-After: soon", 0),
        ("Date: Sun, 29 Nov 2026 10:00:00 GMT\r\nRetry-After: Sun, 29 Nov 2026 10:00:09 GMT", 9),
        ("Date: Sun, 29 Nov 2026 10:00:00 GMT\r\nRetry-After: Sun, 29 Nov 2026 09:00:09 GMT", 0),
    ],
)
def test_a_refusal_keeps_how_long_the_other_side_wants_to_be_left_alone(header: str, seconds: float) -> None:
    for status in ("429 Too Many Requests", "503 Service Unavailable"):
        assert refused(answering(status, header)).retry_after_s == seconds
    assert refused(answering("403 Forbidden", header)).retry_after_s == 0


def dribbled_head(peer: Peer) -> None:
    peer.read_request()
    peer.send_raw(b"HTTP/1.1 101 Switching Protocols\r\nX: ")
    while True:
        peer.send_raw(b"x")
        time.sleep(0.01)


def endless_head(peer: Peer) -> None:
    peer.read_request()
    peer.send_raw(b"HTTP/1.1 101 Switching Protocols\r\n")
    while True:
        peer.send_raw(b"X-Y: " + b"z" * 8000 + b"\r\n")


def endless_refusal(peer: Peer) -> None:
    peer.read_request()
    peer.send_raw(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3000000000\r\n\r\n")
    while True:
        peer.send_raw(b"no! " * 10_000)


def unfinished_refusal(peer: Peer) -> None:
    peer.read_request()
    peer.send_raw(b"HTTP/1.1 403 Forbidden\r\n\r\nno")
    peer.connection.recv(1)


def silent(peer: Peer) -> None:
    while peer.connection.recv(4096):
        pass


def dribbled_tls(peer: Peer) -> None:
    """The head of a long TLS record, then a byte of it now and then."""
    peer.send_raw(b"\x16\x03\x03\x40\x00")
    while True:
        peer.send_raw(b"\x02")
        time.sleep(0.01)


HOSTILE: dict[str, tuple[Script, str, str]] = {
    "dribbled head": (dribbled_head, "ws", r"did not answer (the handshake in|within) 0\.3 s"),
    "endless head": (endless_head, "ws", "headers of more than 64 KiB"),
    "endless refusal": (endless_refusal, "ws", "refused the handshake with HTTP 403"),
    "unfinished refusal": (unfinished_refusal, "ws", "refused the handshake with HTTP 403"),
    "silent": (silent, "ws", r"did not answer (the handshake in|within) 0\.3 s"),
    "silent TLS": (silent, "wss", r"did not answer (the handshake in|within) 0\.3 s"),
    "dribbled TLS": (
        dribbled_tls,
        "wss",
        r"did not answer (the handshake in|within) 0\.3 s|failed the TLS handshake",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_handshake_is_over_by_its_deadline_whatever_the_other_side_does(kind: str) -> None:
    script, scheme, words = HOSTILE[kind]
    with WebsocketServer(script) as server:
        begun = time.monotonic()
        with pytest.raises(DialError, match=words):
            connect(server.url.replace("ws:", f"{scheme}:"), timeout_s=0.3)
        assert time.monotonic() - begun < 2


def test_one_dead_address_of_three_delays_a_session_and_no_more() -> None:
    def greet(peer: Peer) -> None:
        peer.accept()
        peer.read_frame()

    with WebsocketServer(greet) as server, black_hole() as dead:
        here = Address(socket.AF_INET, ("127.0.0.1", server.port))
        begun = time.monotonic()
        connection = Connection(
            "ws://exchange.example/ws",
            handshake_timeout_s=20,
            max_frame_bytes=MAX_FRAME,
            resolve=resolving(dead, here, here),
        )
        assert time.monotonic() - begun < 1
        connection.close()


AT_ONCE = 5


def dial(url: str, resolve: Resolve) -> BackgroundCall[Connection]:
    return BackgroundCall(
        lambda: Connection(url, handshake_timeout_s=0.05, max_frame_bytes=MAX_FRAME, resolve=resolve)
    )


def fail_to_dial(server: WebsocketServer, count: int) -> None:
    """So many dials, some at once: of each five one hangs in TLS, of each twenty one in the name server."""
    here = resolving(Address(socket.AF_INET, ("127.0.0.1", server.port)))
    hanging = Resolver(hang).addresses
    for number in range(0, count, AT_ONCE):
        calls = [dial(server.url, here) for _ in range(AT_ONCE - 2)]
        calls.append(dial(server.url.replace("ws:", "wss:"), here))
        calls.append(dial("ws://exchange.example/ws", here if number % 20 else hanging))
        for call in calls:
            wait_for(lambda: call.done, what="the end of a dial")  # noqa: B023 - called immediately
            with pytest.raises(DialError):
                call.result()
    server.let_go()


def hang(_host: str, _port: int) -> list[Address]:
    threading.Event().wait(60)
    return []


def test_after_200_dials_that_were_refused_dripped_or_hung_nothing_is_kept() -> None:
    scripts = [script for script, scheme, _ in HOSTILE.values() if scheme == "ws"]
    turns = cycle([*scripts, answering("429 Too Many Requests"), Peer.cut])
    turn = threading.Lock()

    def next_kind(peer: Peer) -> None:
        with turn:
            script = next(turns)
        script(peer)

    with WebsocketServer(next_kind) as server:
        fail_to_dial(server, 40)
        descriptors, memory = open_descriptors(), psutil.Process().memory_info().rss
        fail_to_dial(server, 200)
        assert open_descriptors() <= descriptors
        assert psutil.Process().memory_info().rss - memory < 32 << 20, "one endless answer is more"
    kept = [thread.name for thread in threading.enumerate()]
    assert kept.count("background") == 0
    assert kept.count("resolver") == 2, "one for each resolver, however often it was asked"


def test_a_dial_that_is_given_up_closes_what_it_brings_later() -> None:
    go_on, left = threading.Event(), threading.Event()

    def late(peer: Peer) -> None:
        peer.read_request()
        go_on.wait(20)
        peer.accept()
        try:
            peer.read_frame()
        except ConnectionError:
            left.set()

    with WebsocketServer(late) as server:
        call = BackgroundCall(lambda: connect(server.url))
        wait_for(lambda: server.connections > 0, what="the dial")
        call.forget(Connection.close)
        go_on.set()
        assert left.wait(20), "the connection that nobody wants was kept open"


def test_rest_requests_that_hang_in_a_dial_are_over_soon_too() -> None:
    with live() as listener, open_session() as session:
        port = address_of(listener).sockaddr[1]
        for scheme in ("http", "https"):
            with pytest.raises(Exception, match=r"did not answer within 0\.2 s"):
                fetch(session, "GET", f"{scheme}://127.0.0.1:{port}/", timeout_s=0.2)
    wait_for(
        lambda: not any(thread.name == "fetch" for thread in threading.enumerate()), what="the requests' end"
    )


def test_a_deadline_is_one_for_all_steps() -> None:
    deadline = Deadline(0.05)
    assert 0 < deadline.left_s() <= 0.05
    time.sleep(0.06)
    with pytest.raises(TimeoutError, match=r"longer than 0\.05 s"):
        deadline.left_s()
