"""How the page asks the book auditor for books of this moment: one ZeroMQ message, and one as the answer.

The socket is in the run's folder, which is its owner's alone. Nothing is computed before a question comes.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import zmq

from common.core.page.live import LiveAnswer, LiveQuestion
from common.queue.sockets import bind_again, has_input, open_socket
from common.socket_ends import ASKER, LIVE_BOOKS
from common.topology import QUESTIONS_A_STEP

SOCKET_NAME = "books.sock"
PATIENCE_S = 1.0  # the auditor answers between two of its steps
LOOK_S = 0.1  # how soon an asker notices that the page ends

log = logging.getLogger(__name__)

_decode_question = msgspec.msgpack.Decoder(LiveQuestion).decode
_decode_answer = msgspec.msgpack.Decoder(LiveAnswer).decode


class LiveBooksServer:
    """The auditor's end. Nothing here blocks."""

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / SOCKET_NAME
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = open_socket(self._context, LIVE_BOOKS)
        self._socket.bind(f"ipc://{self._path}")

    def keep(self) -> None:
        """Bind again where the socket's file is gone."""
        bind_again(self._socket, self._path)

    def answer(self, handler: Callable[[LiveQuestion], LiveAnswer]) -> bool:
        """Answer what was asked since the last call, a bounded number of questions; whether there was any."""
        asked = False
        for _ in range(QUESTIONS_A_STEP):
            if not has_input(self._socket):
                break
            asker, *frames = self._socket.recv_multipart(zmq.NOBLOCK)
            try:
                question = _decode_question(frames[-1])
            except (IndexError, msgspec.DecodeError, UnicodeDecodeError) as error:
                log.warning("question of the page not understood", extra={"reason": str(error)})
                continue
            asked = True
            self._socket.send_multipart([asker, msgspec.msgpack.encode(handler(question))], zmq.NOBLOCK)
        return asked

    def close(self) -> None:
        """Unbind."""
        self._socket.close()
        self._context.term()


class LiveBooks:
    """The page's end, for any thread."""

    def __init__(self, run_dir: Path) -> None:
        """Nothing is opened before the first question."""
        self._path = run_dir / SOCKET_NAME
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._closing = threading.Event()

    def ask(self, question: LiveQuestion, *, patience_s: float = PATIENCE_S) -> LiveAnswer | None:
        """The answer; None where the auditor does not give one in time, or does not run."""
        if self._closing.is_set():
            return None
        with open_socket(self._context, ASKER) as socket:
            socket.connect(f"ipc://{self._path}")
            socket.send(msgspec.msgpack.encode(question))
            for _ in range(max(round(patience_s / LOOK_S), 1)):
                if self._closing.is_set():
                    return None
                if socket.poll(int(LOOK_S * 1000), zmq.POLLIN):
                    return _answer_in(socket.recv())
        return None

    def close(self) -> None:
        """Ask no more; who still waits gives up."""
        self._closing.set()
        self._context.term()


def _answer_in(data: bytes) -> LiveAnswer | None:
    try:
        return _decode_answer(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # of another version, while a run's processes are replaced
