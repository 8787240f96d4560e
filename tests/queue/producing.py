"""A producer as whoever looks on sees it."""

from pathlib import Path

import zmq

from common.queue.outbox import Outbox
from common.queue.outbox_files import Identity
from common.queue.tap import INTERVAL_NS, Tap
from tests.contexts import open_context


class Producing:
    """A producer's outbox with its tap, and a clock that each look moves on."""

    def __init__(
        self, run_dir: Path, name: str = "reader-0", *, lanes: int = 2, label: str = "first"
    ) -> None:
        self.folder = run_dir / "producers" / name
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.outbox = Outbox(
            self.folder, Identity(f"{name}-{label}", "ws_raw"), lanes=lanes, limit_bytes=2**30
        )
        self.tap = Tap(self._context, self.outbox)
        self.now_ns = 1
        self.number = 0
        self.open_context()

    def open_context(self) -> None:
        self.number = open_context(self.outbox)

    def append(self, count: int, payload: bytes = b"{}") -> None:
        for _ in range(count):
            self.now_ns += 1
            assert self.outbox.append_messages(
                [payload],
                opcode=1,
                context=self.number,
                message_sequence=self.outbox.numbers.newest + 1,
                received_at_ns=self.now_ns,
                received_monotonic_ns=self.now_ns,
            )

    def look(self) -> None:
        self.now_ns += INTERVAL_NS
        self.tap.attend(self.now_ns)

    def close(self) -> None:
        self.tap.close()
        self._context.term()
        self.outbox.close(finished=False)
