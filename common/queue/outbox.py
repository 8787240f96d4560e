"""The outbox of one producer: what it received and is not yet durable in an archive.

It lives in a folder in tmpfs, `<run_dir>/producers/<name>/`, so that it survives the death of its process:

    identity.json       who this producer is; the writers read it
    lock                held by the live producer
    numbers             sequences given so far
    session-open        there while a session is open
    outage.json         since when no session is open, and why
    context-<n>.json    the contexts that envelopes without an ack refer to
    lane-<k>/           one lane for each writer
    queue.sock          where the writers connect
    tail.sock           where whoever only looks on connects
"""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from common.core.causes import Cause
from common.core.envelope import MESSAGE, ROW, Context, Envelope, Message, encode_messages
from common.locks import FileLock
from common.queue.lane import Lane, LaneFullError
from common.queue.numbers import NumberFile
from common.queue.room import RESERVE_BYTES, Room

LANE_BLOCK = 64  # consecutive messages that go to one lane before the next lane's turn
ROW_HEADROOM_BYTES = 1024 * 1024  # above the bound, for the rows that declare what happened

_GLOBAL, _ACCOUNTED, _CONNECTION, _CONTEXT, _LAST_RECEIVED, _SESSION_MESSAGES, _REFUSED_SINCE = range(7)


class Identity(msgspec.Struct, frozen=True):
    """A producer as the writers know it. `producer` is unique for ever: a new outbox is a new producer."""

    producer: str
    stream: str


class Outage(msgspec.Struct, frozen=True):
    """Since when (wall time) no session is open, and the word that stands for the reason in gap rows."""

    since_ns: int
    cause: Cause


class Outbox:
    """Append envelopes, spread over lanes by blocks; each lane forgets by ack.

    Bounded by `limit_bytes` over all lanes, and by the file system less RESERVE_BYTES. When that is full a
    message is refused but numbered, and so is every later one until the owner has declared the refused
    numbers with `append_gap_row`.
    """

    def __init__(self, folder: Path, fresh: Identity, *, lanes: int, limit_bytes: int) -> None:
        """Open the outbox in `folder`, going on with what is there, or begin one as `fresh`."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self._lock = FileLock(folder / "lock", f"the outbox {folder.name}")
        self._limit_bytes = limit_bytes
        self._room = Room(folder)
        self._session_mark = folder / "session-open"
        self._numbers = NumberFile(folder / "numbers", 7)
        self.contexts = _load_contexts(folder)
        self.lanes = {index: Lane(folder / f"lane-{index}") for index in _lane_indices(folder, lanes)}
        self._active = lanes
        self._turn = 0
        self._left_in_block = LANE_BLOCK
        self._go_on_from(filter(None, (lane.newest_message for lane in self.lanes.values())))
        self.identity = _load_identity(folder, fresh)  # last: whoever sees it finds a whole outbox

    def _go_on_from(self, found: Iterable[Envelope]) -> None:
        """A process that died between keeping messages and counting them has kept them: `found` are the newest."""
        newest = max(found, key=lambda envelope: envelope.global_message_sequence, default=None)
        if newest is None:
            return
        kept = newest.global_message_sequence
        if kept > self._numbers[_GLOBAL]:
            self._numbers[_GLOBAL] = kept
            self._numbers[_LAST_RECEIVED] = newest.received_at_ns
            self._numbers[_SESSION_MESSAGES] = newest.message_sequence
        self._numbers[_ACCOUNTED] = max(kept, self._numbers[_ACCOUNTED])

    @property
    def global_sequence(self) -> int:
        """The number of the newest message, kept or refused."""
        return self._numbers[_GLOBAL]

    @property
    def undeclared(self) -> range:
        """Numbers of messages that were refused and stand in no gap row yet."""
        return range(self._numbers[_ACCOUNTED] + 1, self._numbers[_GLOBAL] + 1)

    @property
    def refused_since_ns(self) -> int:
        """Wall time of the first undeclared message."""
        return self._numbers[_REFUSED_SINCE]

    @property
    def has_room(self) -> bool:
        """Whether the spool is far enough below its bound to go on after a gap."""
        if self._room.free_bytes() < RESERVE_BYTES + ROW_HEADROOM_BYTES:
            return False
        return self.held_bytes + ROW_HEADROOM_BYTES <= self._limit_bytes

    @property
    def last_received_at_ns(self) -> int:
        """Wall time of the newest message, kept or refused; 0 before the first."""
        return self._numbers[_LAST_RECEIVED]

    @property
    def session_messages(self) -> int:
        """Sequence in its session of the newest message, kept or refused."""
        return self._numbers[_SESSION_MESSAGES]

    @property
    def newest_context(self) -> Context | None:
        """The context opened last, also when the process that opened it has died."""
        return self.contexts.get(self._numbers[_CONTEXT])

    @property
    def session_is_open(self) -> bool:
        """Whether the session of the newest context has no end yet."""
        return self._session_mark.exists()

    def close_session(self) -> None:
        """The session of the newest context is over, and its row is written."""
        self._session_mark.unlink(missing_ok=True)

    @property
    def outage(self) -> Outage | None:
        """The outage noted last, also by a process that has died; None before the first."""
        path = self.folder / "outage.json"
        return msgspec.json.decode(path.read_bytes(), type=Outage) if path.exists() else None

    def note_outage(self, since_ns: int, cause: Cause) -> None:
        """No session will be open from here on until the next one: who opens that one declares it."""
        partial = self.folder / "outage.json.partial"
        partial.write_bytes(msgspec.json.encode(Outage(since_ns, cause)))
        partial.rename(self.folder / "outage.json")

    @property
    def connection_sequence(self) -> int:
        """Connections opened so far."""
        return self._numbers[_CONNECTION]

    def next_connection(self) -> int:
        """Count a connection and return its number, from 1."""
        number = self._numbers[_CONNECTION] + 1
        self._numbers[_CONNECTION] = number
        return number

    @property
    def held_bytes(self) -> int:
        """Bytes in the segment files."""
        return sum(lane.held_bytes for lane in self.lanes.values())

    @property
    def appended(self) -> int:
        """Envelopes ever kept, over all lanes."""
        return sum(lane.last_sequence for lane in self.lanes.values())

    @property
    def backlog(self) -> int:
        """Envelopes without an ack, over all lanes."""
        return sum(lane.backlog for lane in self.lanes.values())

    def set_lanes(self, count: int) -> None:
        """New messages go to the first `count` lanes from now on; the others only drain."""
        for index in range(count):
            if index not in self.lanes:
                self.lanes[index] = Lane(self.folder / f"lane-{index}")
        self._active = count
        self._turn %= count

    def is_retired(self, lane: int) -> bool:
        """Whether a lane gets nothing new and everything in it is durable."""
        return lane >= self._active and self.lanes[lane].backlog == 0

    def open_context(
        self,
        *,
        session_id: str,
        connection_sequence: int,
        url: str,
        subscription_json: bytes,
        tokens_tracked_json: bytes,
    ) -> Context:
        """Keep a new context, which `append_message` may refer to from now on."""
        number = self._numbers[_CONTEXT] + 1
        context = Context(
            number, session_id, connection_sequence, url, subscription_json, tokens_tracked_json
        )
        (self.folder / f"context-{number}.json").write_bytes(msgspec.json.encode(context))
        newest = self.newest_context
        if newest is None or newest.session_id != session_id:
            self._numbers[_SESSION_MESSAGES] = 0
        self._numbers[_CONTEXT] = number
        self.contexts[number] = context
        self._session_mark.touch()
        return context

    def append_message(
        self,
        payload: bytes,
        *,
        opcode: int,
        context: int,
        message_sequence: int,
        received_at_ns: int,
        received_monotonic_ns: int,
    ) -> bool:
        """Number a message and keep it. False: numbered, but not kept; a gap to declare."""
        number = self.global_sequence + 1
        lane = self.lanes[self._next_lane()]
        envelope = Envelope(
            MESSAGE,
            lane.last_sequence + 1,
            message_sequence,
            number,
            received_at_ns,
            received_monotonic_ns,
            context,
            opcode,
            payload,
        )
        kept = not self.undeclared and self._append(lane, envelope, self._limit_bytes)
        self._numbers[_GLOBAL] = number
        self._numbers[_LAST_RECEIVED] = received_at_ns
        self._numbers[_SESSION_MESSAGES] = message_sequence
        if kept:
            self._numbers[_ACCOUNTED] = number
        elif len(self.undeclared) == 1:
            self._numbers[_REFUSED_SINCE] = received_at_ns
        return kept

    def append_messages(
        self,
        messages: Sequence[Message],
        *,
        context: int,
        message_sequence: int,
        received_at_ns: int,
        received_monotonic_ns: int,
    ) -> None:
        """As `append_message` of each, in order; `message_sequence` is the first one's. One write a block."""
        done = 0
        while done < len(messages):
            self._begin_block()
            run = messages[done : done + self._left_in_block]
            first = Envelope(
                MESSAGE,
                self.lanes[self._turn].last_sequence + 1,
                message_sequence + done,
                self.global_sequence + 1,
                received_at_ns,
                received_monotonic_ns,
                context,
                0,
                b"",
            )
            if not self._keep_run(run, first):
                self._append_singly(run, first)
            done += len(run)

    def _keep_run(self, run: Sequence[Message], first: Envelope) -> bool:
        """Keep messages of one block with one write. False: nothing was done, as there may not be room for all."""
        if self.undeclared:
            return False
        lane, size = self.lanes[self._turn], len(run)
        data = encode_messages(run, first)
        if self.held_bytes + len(data) > self._limit_bytes or not self._room.take(len(data)):
            return False
        try:
            lane.append_encoded(data, first.lane_sequence, first.lane_sequence + size - 1, first.context)
        except LaneFullError:
            return False
        number = first.global_message_sequence + size - 1
        self._numbers[_GLOBAL] = number
        self._numbers[_LAST_RECEIVED] = first.received_at_ns
        self._numbers[_SESSION_MESSAGES] = first.message_sequence + size - 1
        self._numbers[_ACCOUNTED] = number
        self._left_in_block -= size
        return True

    def _append_singly(self, run: Sequence[Message], first: Envelope) -> None:
        for index, message in enumerate(run):
            self.append_message(
                message.payload,
                opcode=message.opcode,
                context=first.context,
                message_sequence=first.message_sequence + index,
                received_at_ns=first.received_at_ns,
                received_monotonic_ns=first.received_monotonic_ns,
            )

    def append_gap_row(self, row: bytes, *, received_at_ns: int, received_monotonic_ns: int) -> bool:
        """Keep the row that declares all `undeclared` numbers; messages are kept again after it."""
        through = self._numbers[_GLOBAL]
        kept = self.append_row(
            row, received_at_ns=received_at_ns, received_monotonic_ns=received_monotonic_ns
        )
        if kept:
            self._numbers[_ACCOUNTED] = through
        return kept

    def append_row(self, row: bytes, *, received_at_ns: int, received_monotonic_ns: int) -> bool:
        """Keep a complete archive row. False when even the room kept free for rows is used up."""
        lane = self.lanes[self._turn]
        sequence = lane.last_sequence + 1
        envelope = Envelope(ROW, sequence, 0, 0, received_at_ns, received_monotonic_ns, 0, 0, row)
        return self._append(lane, envelope, self._limit_bytes + ROW_HEADROOM_BYTES)

    def _append(self, lane: Lane, envelope: Envelope, limit_bytes: int) -> bool:
        size = len(envelope.payload)
        if self.held_bytes + size > limit_bytes:
            return False
        if not self._room.take(size, of_reserve=limit_bytes - self._limit_bytes):
            return False
        try:
            lane.append(envelope)
        except LaneFullError:
            return False
        return True

    def _next_lane(self) -> int:
        self._begin_block()
        self._left_in_block -= 1
        return self._turn

    def _begin_block(self) -> None:
        if self._left_in_block == 0:
            self._left_in_block = LANE_BLOCK
            self._turn = self._least_behind()

    def _least_behind(self) -> int:
        following = (self._turn + 1) % self._active
        backlogs = [self.lanes[index].backlog for index in range(self._active)]
        if backlogs[following] <= min(backlogs) + 4 * LANE_BLOCK:
            return following
        return backlogs.index(min(backlogs))

    def forget_contexts(self) -> None:
        """Drop the contexts that no envelope without an ack, and no coming one, can refer to."""
        if len(self.contexts) < 2:
            return
        first_needed = (
            next((chunk.context for chunk in lane.chunks if chunk.context), None)
            for lane in self.lanes.values()
        )
        oldest = min((number for number in first_needed if number), default=max(self.contexts))
        for number in [number for number in self.contexts if number < oldest]:
            del self.contexts[number]
            (self.folder / f"context-{number}.json").unlink(missing_ok=True)

    def close(self, *, finished: bool) -> None:
        """Release the outbox. `finished` and empty, it is removed: the next one is a new producer."""
        empty = self.backlog == 0 and not self.undeclared
        for lane in self.lanes.values():
            lane.close()
        self._numbers.close()
        if finished and empty:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()


def _lane_indices(folder: Path, lanes: int) -> list[int]:
    found = {int(path.name.removeprefix("lane-")) for path in folder.glob("lane-*")}
    return sorted(found | set(range(lanes)))


def _load_contexts(folder: Path) -> dict[int, Context]:
    contexts = (
        msgspec.json.decode(path.read_bytes(), type=Context) for path in folder.glob("context-*.json")
    )
    return {context.number: context for context in contexts}


def _load_identity(folder: Path, fresh: Identity) -> Identity:
    path = folder / "identity.json"
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Identity)
    partial = folder / "identity.json.partial"
    partial.write_bytes(msgspec.json.encode(fresh))
    partial.rename(path)
    return fresh
