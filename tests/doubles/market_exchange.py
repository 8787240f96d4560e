"""A market channel under a test's control: it answers subscriptions and pings, and sends changes when told to."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Iterable

from tests.doubles.websocket_server import CLOSE, Peer, WebsocketServer, frame
from tests.waiting import wait_for


class MarketExchange:
    """Every connection gets the opening books of what it subscribes. Use `server` as a context."""

    def __init__(self) -> None:
        self.server = WebsocketServer(self._serve)
        self.without_book: set[str] = set()
        self.mute_openings = self.mute_pongs = False
        self.dribble = 0  # pieces in which the next opening array is sent, one at each `dribble_on`
        self._held_back: list[bytes] = []
        self.subscribed: list[set[str]] = []  # of each connection
        self._peers: list[Peer] = []
        self._lock = threading.Lock()
        self._clock_ms = int(time.time() * 1000)

    def _serve(self, peer: Peer) -> None:
        peer.accept()
        mine: set[str] = set()
        with self._lock:
            self._peers.append(peer)
            self.subscribed.append(mine)
        while True:
            opcode, payload = peer.read_frame()
            if opcode == CLOSE:
                peer.send_raw(frame(payload, opcode=CLOSE))
                return
            if payload == b"PING":
                if self._held_back:
                    self._held_back.append(frame(b"PONG"))  # it queues behind the data
                elif not self.mute_pongs:
                    self._send(peer, b"PONG")
                continue
            message = json.loads(payload)
            tokens = message["assets_ids"]
            if message.get("operation") == "unsubscribe":
                mine.difference_update(tokens)
                continue
            mine.update(tokens)
            if self.dribble:
                self._hold_back(frame(self._opening(tokens)))
            elif not self.mute_openings:
                self._send(peer, self._opening(tokens))

    def _opening(self, tokens: Iterable[str]) -> bytes:
        self._clock_ms += 1
        books = [
            {
                "market": "0x1",
                "asset_id": token,
                "timestamp": str(self._clock_ms),
                "hash": "0" * 40,
                "bids": [],
                "asks": [],
                "tick_size": "0.01",
                "event_type": "book",
                "last_trade_price": "",
            }
            for token in tokens
            if token not in self.without_book
        ]
        return json.dumps(books).encode() + b"\n"

    def change(self, token_id: str) -> None:
        """Send a change of this token on the newest connection."""
        self._clock_ms += 1
        change = {"asset_id": token_id, "price": "0.5", "size": "1", "side": "BUY", "hash": "1" * 40}
        message = {
            "market": "0x1",
            "price_changes": [change],
            "timestamp": str(self._clock_ms),
            "event_type": "price_change",
        }
        self._send(self.newest, json.dumps(message).encode())

    def say(self, payload: bytes) -> None:
        """Send a text on the newest connection."""
        self._send(self.newest, payload)

    def _hold_back(self, data: bytes) -> None:
        size = len(data) // self.dribble + 1
        self._held_back = [data[begin : begin + size] for begin in range(0, len(data), size)]

    def dribble_on(self) -> bool:
        """Send the next piece of an opening array that is held back; false when there is none left."""
        if self._held_back:
            self.newest.send_raw(self._held_back.pop(0))
        return bool(self._held_back)

    def cut(self) -> None:
        """End the newest connection by a reset; the thread that reads from it closes it."""
        connection = self.newest.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)

    def _send(self, peer: Peer, payload: bytes) -> None:
        with self._lock, contextlib.suppress(OSError):  # that connection has ended
            peer.send(payload)

    @property
    def newest(self) -> Peer:
        """The newest connection."""
        return wait_for(lambda: self._peers, what="a connection")[-1]
