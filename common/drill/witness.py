"""A connection of the drill's own that nobody breaks: what the exchange sent to it is what it sent at all."""

import select
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from common.polymarket.market_channel import subscribe_first
from common.polymarket.websocket.connection import Connection, ConnectionEnded
from common.simulation.options import ExchangeUrls
from common.simulation.oracle import CF_RAY, read_oracle

_POLL_MS = 100
_FRAME_LIMIT = 1 << 25


class Witness:
    """Reads and keeps nothing: the exchange's own account of its connection says what came."""

    def __init__(self, urls: ExchangeUrls, token_ids: Sequence[str]) -> None:
        self._connection = Connection(urls.ws_url, handshake_timeout_s=30, max_frame_bytes=_FRAME_LIMIT)
        self.ray = self._connection.handshake_headers["cf-ray"]
        self._connection.send_text(subscribe_first(list(token_ids)))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="witness", daemon=True)
        self._thread.start()

    @property
    def number(self) -> int:
        """Its connection, as the exchange counts."""
        return int(self.ray.removeprefix(CF_RAY))

    def _read(self) -> None:
        poll = select.poll()
        poll.register(self._connection.fileno(), select.POLLIN)
        while not self._stop.is_set():
            poll.poll(_POLL_MS)
            try:
                while self._connection.receive_many() is not None:
                    pass
            except ConnectionEnded:
                return

    def close(self) -> None:
        """Leave."""
        self._stop.set()
        self._thread.join()
        self._connection.close()

    def sent(self, oracle: Path) -> list[bytes]:
        """All frames that were sent to it, in their order."""
        return [frame for each in read_oracle(oracle) if each.cf_ray == self.ray for frame in each.frames()]


@contextmanager
def witness(urls: ExchangeUrls, token_ids: Sequence[str]) -> Iterator[Witness]:
    """A witness of these tokens."""
    made = Witness(urls, token_ids)
    try:
        yield made
    finally:
        made.close()
