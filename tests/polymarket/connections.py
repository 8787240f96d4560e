"""Connections of ours to a server of a test, and what comes over them."""

import select
import time

from common.core.market import Exchange
from common.polymarket.websocket.connection import Connection, ConnectionEnded
from common.polymarket.websocket.pieces import Received

MAX_FRAME = 16 * 1024 * 1024


def connect(
    url: str,
    *,
    timeout_s: float = 20,
    max_frame_bytes: int = MAX_FRAME,
    ca_file: str = "",
    expected: Exchange | None = None,
) -> Connection:
    return Connection(
        url,
        handshake_timeout_s=timeout_s,
        max_frame_bytes=max_frame_bytes,
        ca_file=ca_file,
        expected=expected,
    )


def next_message(connection: Connection) -> Received:
    deadline = time.monotonic() + 20
    while (message := connection.receive()) is None:
        assert time.monotonic() < deadline, "no message came"
        select.select([connection.fileno()], [], [], 1)
    return message


def end_of(connection: Connection) -> ConnectionEnded:
    try:
        while True:
            next_message(connection)
    except ConnectionEnded as end:
        return end


def all_of(connection: Connection, *, many: bool) -> tuple[list[tuple[int, bytes]], ConnectionEnded]:
    """Everything up to the end, taken one by one or as it comes."""
    found: list[tuple[int, bytes]] = []
    try:
        while True:
            came = connection.receive_many() if many else connection.receive()
            if came is not None:
                found += [(came.opcode, payload) for payload in came.payloads]
            else:
                assert select.select([connection.fileno()], [], [], 20)[0], "nothing more came"
    except ConnectionEnded as end:
        return found, end
