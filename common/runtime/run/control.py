"""What a running recorder can be asked for, and how the supervisor answers between its steps.

A request is one ZeroMQ message to `<run_dir>/control.sock`, and so is its reply. The folder is its owner's
alone, and with it the right to ask.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
import zmq

from common.queue.sockets import bind_again, open_socket
from common.socket_ends import CONTROL
from common.topology import REQUESTS_A_STEP

MOST_WRITERS = 64
SOCKET_NAME = "control.sock"

log = logging.getLogger("control")


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Drain, close and end."""


class ScaleWriters(msgspec.Struct, frozen=True, tag=True):
    """Record with this many writers from now on."""

    writers: Annotated[int, msgspec.Meta(ge=1, le=MOST_WRITERS)]


class Rotate(msgspec.Struct, frozen=True, tag=True):
    """Close every open archive now; what follows goes to new ones."""


class RefreshDiscovery(msgspec.Struct, frozen=True, tag=True):
    """Ask now which markets to record."""


Request = Stop | ScaleWriters | Rotate | RefreshDiscovery


class Reply(msgspec.Struct, frozen=True):
    """Whether the request was taken, and what comes of it or why not, as a message for the user."""

    taken: bool
    words: str


_encode = msgspec.json.Encoder().encode
_decode_request = msgspec.json.Decoder(Request).decode


class ControlServer:
    """The supervisor's end. Nothing here blocks; a request that makes no sense is refused with a reason."""

    def __init__(self, run_dir: Path) -> None:
        """Bind; only the holder of the data root's lock may."""
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = open_socket(self._context, CONTROL)
        self._run_dir = run_dir
        self._socket.bind(endpoint(run_dir))

    def keep(self) -> None:
        """Bind again where the socket's file is gone."""
        bind_again(self._socket, self._run_dir / SOCKET_NAME)

    def answer(self, handler: Callable[[Request], Reply]) -> None:
        """Answer what was asked since the last call, a bounded number of requests."""
        for _ in range(REQUESTS_A_STEP):
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._reply(frames[0], _reply_to(frames[-1], handler))

    def _reply(self, asker: bytes, reply: Reply) -> None:
        try:
            self._socket.send_multipart([asker, _encode(reply)], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            log.warning(
                "reply not sent", extra={"reason": str(error)}
            )  # the asker waits in vain, and says so

    def close(self) -> None:
        """Unbind, once the last reply has left or half a second has passed."""
        self._socket.close()
        self._context.term()


def _reply_to(body: bytes, handler: Callable[[Request], Reply]) -> Reply:
    try:
        request = _decode_request(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Reply(taken=False, words=f"the request is not understood: {error}")
    return handler(request)


def endpoint(run_dir: Path) -> str:
    """Where the supervisor answers."""
    return f"ipc://{run_dir / SOCKET_NAME}"
