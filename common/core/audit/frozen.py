"""Proves that a connection is frozen: a checkpoint shows a change that the silent stream has not brought.

A quiet market proves nothing, and neither does a late stream: under load messages come seconds late, but they
come. A connection is frozen when not one market message came for a while, and a checkpoint that shows a newer
book has been known for longer than REST can be ahead of the stream.
"""

from typing import NamedTuple

import msgspec

NS = 1_000_000_000
REST_AHEAD_NS = 2 * NS  # measured: up to about one second


class Evidence(NamedTuple):
    """The newest book that REST showed and the stream did not: exchange times in milliseconds since 1970."""

    token_id: str
    checkpoint_ms: int
    stream_ms: int


class _Stream(msgspec.Struct):
    session_id: str
    last_data_ns: int
    evidence: Evidence | None = None
    shown_ns: int = 0


class FrozenWatch:
    """The sessions of all readers. Times are receive times on the monotonic clock, in nanoseconds."""

    def __init__(self, silence_ns: int) -> None:
        """A stream that was not silent for `silence_ns` is not frozen."""
        self._silence_ns = silence_ns
        self._streams: dict[str, _Stream] = {}

    def data_came(self, reader: str, session_id: str, at_ns: int) -> None:
        """Market data came: whatever was shown before proves nothing any more."""
        self._streams[reader] = _Stream(session_id, at_ns)

    def unknown(self, reader: str) -> None:
        """The session is over, or some of it was not seen: nothing can be proved before its next data."""
        self._streams.pop(reader, None)

    def checkpoint_came(self, reader: str, evidence: Evidence, at_ns: int) -> None:
        """A checkpoint showed a book of a token that this reader's session is subscribed to."""
        stream = self._streams.get(reader)
        if stream is None or stream.evidence is not None or evidence.checkpoint_ms <= evidence.stream_ms:
            return
        stream.evidence, stream.shown_ns = evidence, at_ns

    def proved(self, now_ns: int) -> list[tuple[str, str, Evidence]]:
        """The readers whose session is proved frozen by now, with session and evidence; each once."""
        frozen = []
        for reader, stream in list(self._streams.items()):
            since_ns = max(stream.last_data_ns + self._silence_ns, stream.shown_ns + REST_AHEAD_NS)
            if stream.evidence is not None and now_ns >= since_ns:
                frozen.append((reader, stream.session_id, stream.evidence))
                del self._streams[reader]
        return frozen
