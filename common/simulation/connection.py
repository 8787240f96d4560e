"""One websocket connection of the embedded exchange: what it subscribes, and the bytes on their way to it."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable

import msgspec
from aiohttp import web

from common.simulation.faults.catalogue import Fault
from common.simulation.oracle import OracleLog, frame_fields

TEXT = 1


class Outgoing(msgspec.Struct, frozen=True):
    """A frame ready for the wire, built once and shared by all connections that get it."""

    wire: bytes
    logged: bytes


def outgoing(payload: bytes, *, opcode: int = TEXT, logged: bool) -> Outgoing:
    """The frame with its header (unmasked, one fragment), and its line in the oracle when that is kept."""
    length = len(payload)
    if length < 126:
        size = bytes((length,))
    elif length < 65_536:
        size = b"\x7e" + length.to_bytes(2)
    else:
        size = b"\x7f" + length.to_bytes(8)
    fields = frame_fields(opcode, payload) if logged else b""
    return Outgoing(bytes((0x80 | opcode,)) + size + payload, fields)


class Connection:
    """The state of one connection. Frames are queued by `put` and handed over, in order, by `flush`."""

    def __init__(
        self, number: int, socket: web.WebSocketResponse, transport: asyncio.Transport, log: OracleLog | None
    ) -> None:
        self.number = number
        self.tokens: dict[str, None] = {}
        self.flagged = False
        self.opened = False
        self.silent = False
        self.pongs_only = False
        self.books_only = False
        self.how = ""
        self.last_traffic_s = time.monotonic()
        self.frames_sent = 0
        self._socket = socket
        self._transport = transport
        self._log = log
        self.frames_due = 0  # of market data, those that a fault withholds among them
        self.delay_s = 0.0
        self._late: deque[tuple[float, Outgoing]] = deque()  # each with the monotonic second at which it goes
        self._queue: list[Outgoing] = []
        self._dribble: asyncio.Task[None] | None = None
        transport.set_write_buffer_limits(
            high=1 << 30
        )  # the limit is checked here, not by aiohttp's flow control

    @property
    def live(self) -> bool:
        """Whether frames can still be handed over."""
        return not (self.how or self._socket.closed or self._transport.is_closing())

    def put(self, frame: Outgoing) -> None:
        """Queue a frame behind those that wait, `delay_s` from now."""
        if self.delay_s or self._late:
            due_s = time.monotonic() + self.delay_s
            self._late.append((max(due_s, self._late[-1][0] if self._late else due_s), frame))
        else:
            self._queue.append(frame)

    def is_withheld(self, fault: Fault) -> bool:
        """Whether a `withhold` hits the newest frame that is due."""
        return fault.connection in {0, self.number} and self.frames_due % fault.every == 0

    def flush(self) -> int:
        """Hand over what waits; returns the bytes that a slow client has not yet taken."""
        if not self.live:
            self._queue.clear()
            self._late.clear()
            return 0
        while self._late and self._late[0][0] <= time.monotonic():
            self._queue.append(self._late.popleft()[1])
        if self._queue and self._dribble is None:
            frames, self._queue = self._queue, []
            self._transport.write(b"".join([frame.wire for frame in frames]))
            self._note(frames)
        return self._transport.get_write_buffer_size()

    def _note(self, frames: Iterable[Outgoing]) -> None:
        self.last_traffic_s = time.monotonic()
        lines = [frame.logged for frame in frames]
        self.frames_sent += len(lines)
        if self._log is not None:
            self._log.sent(lines, time.time_ns())

    def dribble(self, frame: Outgoing, delay_s: float) -> None:
        """Hand over one frame byte by byte; what is put meanwhile waits after it."""
        self.flush()
        if self._dribble is not None:
            self.put(frame)
        elif self.live:
            self._dribble = asyncio.create_task(self._write_slowly(frame, delay_s))

    async def _write_slowly(self, frame: Outgoing, delay_s: float) -> None:
        for at in range(len(frame.wire)):
            if not self.live:
                return
            self._transport.write(frame.wire[at : at + 1])
            await asyncio.sleep(delay_s)
        self._note([frame])
        self._dribble = None

    def cut(self, how: str, *, part: bytes = b"", reset: bool = False) -> None:
        """Drop the connection without a close frame, after `part` of a frame; `reset` forgets what waits."""
        if not self.live:
            return
        self.flush()
        self.how = f"reset: {how}" if reset else how
        self._transport.write(part)
        if reset:
            self._transport.abort()
        else:
            self._transport.close()

    async def close(self, code: int, reason: str, *, how: str = "") -> None:
        """Close with a close frame; a client that takes no bytes any more is dropped after two seconds."""
        if not self.live:
            return
        self.flush()
        self.how = how or f"server closed {code} {reason}".rstrip()
        asyncio.get_running_loop().call_later(2.0, self._transport.abort)
        await self._socket.close(code=code, message=reason.encode())

    def flush_log(self) -> None:
        """Let readers of the oracle see what was sent."""
        if self._log is not None:
            self._log.flush()

    def finish(self) -> None:
        """The end of the connection, no matter who ended it."""
        if self._dribble is not None:
            self._dribble.cancel()
        if not self.how:
            self.how = "client closed" if self._socket.close_code not in (None, 1006) else "connection lost"
        if self._log is not None:
            self._log.close(time.time_ns(), self.how)
            self._log = None
