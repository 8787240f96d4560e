"""ZeroMQ's sockets: made as the queue table states them, and asked without waiting."""

import errno
from pathlib import Path

import zmq

from common.socket_ends import SocketEnd


def options_of(end: SocketEnd) -> dict[int, int]:
    """What is stated of an end of a queue, by ZeroMQ's numbers of the options."""
    named = {name: getattr(end, name) for name in end.__struct_fields__ if name != "kind"}
    return {getattr(zmq, name.upper()): value for name, value in named.items() if value is not None}


def open_socket(context: zmq.Context[zmq.Socket[bytes]], end: SocketEnd) -> zmq.Socket[bytes]:
    """A socket for an end of a queue, neither bound nor connected yet."""
    socket = context.socket(getattr(zmq, end.kind))
    for option, value in options_of(end).items():
        socket.setsockopt(option, value)
    return socket


def has_input(socket: zmq.Socket[bytes]) -> bool:
    """Whether a message can be received at once. Cheaper than a poll, which sets up a poller each time."""
    return bool(int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN)


def bind_again(socket: zmq.Socket[bytes], path: Path) -> None:
    """Bind a socket again whose file somebody removed; connections that stand go on.

    Where its folder is gone too there is nothing to do yet: who keeps the folder makes it again.
    """
    if path.exists():
        return
    try:
        socket.bind(f"ipc://{path}")
    except zmq.ZMQError as error:
        if error.errno != errno.ENOENT:
            raise
