"""The counts of an outbox by name; they outlive its process (`common/queue/numbers.py`)."""

from pathlib import Path

from common.core.batch import Batch
from common.core.envelope import Envelope
from common.queue.numbers import NumberFile

_LAST_RECEIVED, _SESSION_MESSAGES, _GLOBAL, _ACCOUNTED, _CONNECTION, _CONTEXT, _REFUSED_SINCE = range(7)


class OutboxNumbers:
    """What was given out so far: message, connection and context numbers, and which messages were refused."""

    def __init__(self, path: Path) -> None:
        """`newest` is the number of the newest message, kept or refused; `refusing` is whether any is undeclared."""
        self._numbers = NumberFile(path, 7)
        self._look()

    def _look(self) -> None:
        self.newest = self._numbers[_GLOBAL]
        self.refusing = self._numbers[_ACCOUNTED] < self.newest

    @property
    def undeclared(self) -> range:
        """Numbers of messages that were refused and are in no gap row yet."""
        return range(self._numbers[_ACCOUNTED] + 1, self._numbers[_GLOBAL] + 1)

    @property
    def refused_since_ns(self) -> int:
        """Wall time of the first undeclared message."""
        return self._numbers[_REFUSED_SINCE]

    @property
    def last_received_at_ns(self) -> int:
        """Wall time of the newest message, kept or refused; 0 before the first."""
        return self._numbers[_LAST_RECEIVED]

    @property
    def session_messages(self) -> int:
        """Sequence in its session of the newest message, kept or refused."""
        return self._numbers[_SESSION_MESSAGES]

    @property
    def connections(self) -> int:
        """Connections opened so far."""
        return self._numbers[_CONNECTION]

    @property
    def context(self) -> int:
        """The number of the context opened last."""
        return self._numbers[_CONTEXT]

    def note(self, batch: Batch, *, kept: bool) -> None:
        """Count a batch of messages, the newest ones; once one was refused, so is all that follows."""
        if not kept and not self.refusing:
            self._numbers[_REFUSED_SINCE] = batch.received_at_ns
        more = len(batch.payloads) - 1
        self.newest = batch.global_message_sequence + more
        self.refusing = not kept
        accounted = self.newest if kept else self._numbers[_ACCOUNTED]
        self._numbers.set_first(batch.received_at_ns, batch.message_sequence + more, self.newest, accounted)

    def go_on_from(self, newest: Envelope) -> None:
        """A process that died between keeping messages and counting them has kept them: this one is the newest."""
        kept = newest.global_message_sequence
        if kept > self._numbers[_GLOBAL]:
            self._numbers[_GLOBAL] = kept
            self._numbers[_LAST_RECEIVED] = newest.received_at_ns
            self._numbers[_SESSION_MESSAGES] = newest.message_sequence
        self._numbers[_ACCOUNTED] = max(kept, self._numbers[_ACCOUNTED])
        self._look()

    def restore(self, *, context: int, connections: int) -> None:
        """After damage: contexts and connections are numbered from above these."""
        self._numbers[_CONTEXT], self._numbers[_CONNECTION] = context, connections

    def declared_through(self, number: int) -> None:
        """A gap row tells of every refused message up to this one."""
        self._numbers[_ACCOUNTED] = number
        self._look()

    def next_connection(self) -> int:
        """Count a connection and return its number, from 1."""
        self._numbers[_CONNECTION] = self.connections + 1
        return self.connections

    def opened(self, context: int, *, new_session: bool) -> None:
        """A context is in force from here on."""
        if new_session:
            self._numbers[_SESSION_MESSAGES] = 0
        self._numbers[_CONTEXT] = context

    def keep(self) -> bool:
        """Whether the file was gone, and is there again. Raises OSError."""
        return self._numbers.keep()

    def close(self) -> None:
        """Release the file; it stays."""
        self._numbers.close()
