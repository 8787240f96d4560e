"""TLS over a socket that is read in large pieces.

Python's own SSLSocket takes two system calls for each record, and the exchange sends a record a message. Here many
records are read at once and decrypted from memory. `TlsContext` brings this into websocket-client's way of connecting.
"""

import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from common.network.deadline import Deadline

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PIECE_BYTES = 65_536
_RECORD_BYTES = 16_384  # the most that one read gives; asking for more costs a larger buffer at each call


class TlsSocket(socket.socket):
    """An end of a TLS connection: a socket to websocket-client, read by `recv_piece` afterwards."""

    def __init__(
        self,
        plain: socket.socket,
        context: ssl.SSLContext,
        server_hostname: str | None = None,
        *,
        deadline: Deadline | None = None,
    ) -> None:
        """Take over a connected socket and shake hands, as a server where no name of one is given.

        Until `deadline` is set to None again, all calls together end with it, in TimeoutError. Raises OSError, of
        which ssl.SSLError and TimeoutError are kinds; the socket is closed then.
        """
        timeout_s = plain.gettimeout()
        super().__init__(plain.family, plain.type, plain.proto, fileno=plain.detach())
        self.settimeout(timeout_s)
        self.deadline = deadline
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._unsent = b""
        self._end: OSError | None = None
        self._tls = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_hostname is None,
            server_hostname=server_hostname,
        )
        try:
            while not self._hands_shaken():
                self._take_piece()
        except BaseException:
            self.close()
            raise

    def _hands_shaken(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError:
            with suppress(OSError):
                self._flush()  # tells the other side what is wrong
            raise
        self._flush()
        return True

    def recv(self, size: int, /, *_: int) -> bytes:
        """At most so many bytes, at least one; none when the other side has ended the connection."""
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                self._take_piece()
            except ssl.SSLEOFError:
                return b""

    def recv_piece(self) -> tuple[bytes, bool]:
        """What is in the records that are here, up to a bound, and whether there may be more at once.

        The end of the connection, b"" or what broke it, comes behind all that was before. Raises BlockingIOError
        where nothing is here, ssl.SSLError and other kinds of OSError.
        """
        records: list[bytes] = []
        more = self._tls.pending() > 0 or self._incoming.pending > 0  # what `recv` has left
        if more:
            self._read_records(records)
        while not records and self._end is None:
            more = self._take_piece() == PIECE_BYTES
            self._read_records(records)
        with suppress(OSError):
            self._flush()  # an answer of TLS's own; it can wait, and what broke shows when we read on
        if not records and self._end is not None and not isinstance(self._end, ssl.SSLEOFError):
            raise self._end
        return b"".join(records), more or self._end is not None

    def _read_records(self, records: list[bytes]) -> None:
        """Read those that are whole, and what ends the connection behind them."""
        read = self._tls.read
        try:
            while record := read(_RECORD_BYTES):
                records.append(record)
            self._end = ssl.SSLEOFError()  # the other side said that this is all
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            self._end = error

    def _take_piece(self) -> int:
        if self.deadline is not None:
            self.deadline.bound(self)
        piece = super().recv(PIECE_BYTES)
        if piece:
            self._incoming.write(piece)
        else:
            self._incoming.write_eof()
        return len(piece)

    def send(self, data: "ReadableBuffer", /, *_: int) -> int:
        """Send all of it."""
        size = self._tls.write(data)
        self._flush()
        return size

    def sendall(self, data: "ReadableBuffer", /, *_: int) -> None:
        """Send all of it."""
        self.send(data)

    def send_records(self, records: Iterable["ReadableBuffer"]) -> None:
        """Send each in a record of its own, or in several where it is longer than one."""
        for record in records:
            self._tls.write(record)
        self._flush()

    def _flush(self) -> None:
        self._unsent += self._outgoing.read()
        while self._unsent:
            if self.deadline is not None:
                self.deadline.bound(self)
            self._unsent = self._unsent[super().send(self._unsent) :]
