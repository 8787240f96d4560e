"""The head of an HTTP answer, read from a socket that becomes something else after it: a tunnel, a websocket."""

import re
import socket

import msgspec

from common.network.deadline import Deadline

MAX_HEAD_BYTES = 65_536
_PIECE_BYTES = 4096
_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(r"HTTP/\d\.\d (\d{3})(?: |$)")


class HeadError(Exception):
    """What came is not the head of an answer; the text is the rest of a sentence that begins with who sent it."""


class Head(msgspec.Struct, frozen=True):
    """Status, headers by lower-case name (the last of each), and the bytes that came `behind` the head."""

    status: int
    headers: dict[str, str]
    behind: bytes


def read_head(sock: socket.socket, deadline: Deadline) -> Head:
    """Raises HeadError, TimeoutError, and other kinds of OSError. `sock` is left with a time-out."""
    data = b""
    while (end := _END.search(data)) is None:
        if len(data) > MAX_HEAD_BYTES:
            raise HeadError(f"answered with headers of more than {MAX_HEAD_BYTES >> 10} KiB")
        deadline.bound(sock)
        piece = sock.recv(_PIECE_BYTES)
        if not piece:
            raise HeadError(
                "closed the connection before its answer was whole" if data else "closed the connection"
            )
        data += piece
    lines = data[: end.start()].decode("latin-1").split("\n")
    status = _STATUS.match(lines[0].strip())
    if status is None:
        raise HeadError(f"did not answer in HTTP (but with {data[:40]!r})")
    fields = (line.partition(":") for line in lines[1:])
    headers = {name.strip().lower(): value.strip() for name, colon, value in fields if colon}
    return Head(int(status[1]), headers, data[end.end() :])


def read_some(sock: socket.socket, head: Head, deadline: Deadline, *, limit: int, patience_s: float) -> bytes:
    """The beginning of the body, as much as comes at once: a refusal says there why, and some never end."""
    body = head.behind
    length = head.headers.get("content-length", "")
    wanted = min(limit, int(length[:9])) if length.isascii() and length.isdigit() else limit
    waiting = Deadline(patience_s)
    try:
        while len(body) < wanted:
            deadline.bound(sock, at_most_s=waiting.left_s())
            piece = sock.recv(_PIECE_BYTES)
            if not piece:
                break
            body += piece
    except OSError:
        return body[:wanted]  # what broke or did not come does not matter: the answer is a refusal already
    return body[:wanted]
