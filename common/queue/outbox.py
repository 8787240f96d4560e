"""The outbox of one producer: what it received and is not yet durable in an archive.

It lives in a folder in tmpfs, `<run_dir>/producers/<name>/`, so that it survives the death of its process:

    identity.json       who this producer is; the writers read it
    lock                held by the live producer
    numbers             sequences given so far
    session-open        there while a session is open
    outage.json         since when no session is open, and why
    followed.json       the tokens subscribed last, and those that were left although they trade
    context-<n>.json    the contexts that envelopes without an ack refer to
    lane-<k>/           one lane for each writer
    queue.sock          where the writers connect
    tail.sock           where observers connect
"""

import logging
import shutil
from pathlib import Path

from common.core.batch import Batch, encode_batch
from common.core.envelope import MESSAGE, ROW, Context, Envelope
from common.errors import SupersededError
from common.locks import FileLock
from common.queue.agreement import Agreement
from common.queue.lane import Lane
from common.queue.outbox_files import Identity, OutboxFiles
from common.queue.outbox_numbers import OutboxNumbers
from common.queue.room import RESERVE_BYTES, Room
from common.queue.segment import LaneFullError
from common.queue.turns import Turns

ROW_HEADROOM_BYTES = 1024 * 1024  # above the bound, for the rows that declare what happened

log = logging.getLogger(__name__)


class Outbox:
    """Append messages and rows, spread over lanes by blocks; each lane forgets by ack.

    Bounded by `limit_bytes` over all lanes, and by the file system less RESERVE_BYTES. When that is full a
    message is refused but numbered, and so is every later one until the owner has declared the refused
    numbers with `append_gap_row`. `numbers` counts, `files` tells of contexts and of the open session,
    `agreement` comes to terms with the archives.
    """

    def __init__(self, folder: Path, fresh: Identity, *, lanes: int, limit_bytes: int) -> None:
        """Open the outbox in `folder`, going on with what is there, or begin one as `fresh`."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self._lock = FileLock(folder / "lock", f"the outbox {folder.name}")
        self._limit_bytes = limit_bytes
        self._room = Room(folder)
        try:
            self._open(lanes)
            self.identity = self.files.identity(fresh)  # last: anyone who sees it finds a whole outbox
        except BaseException:
            self._room.close()
            self._lock.release()
            raise

    def _open(self, lanes: int) -> None:
        folder = self.folder
        self.files = OutboxFiles(folder)
        self.numbers = OutboxNumbers(folder / "numbers")
        self.lanes = {index: Lane(folder / f"lane-{index}") for index in _lane_indices(folder, lanes)}
        self.agreement = Agreement(folder, self.lanes, self.numbers, self.files)
        self._turns = Turns(self.lanes, lanes)
        found = [lane.newest_message for lane in self.lanes.values() if lane.newest_message is not None]
        newest = max(found, key=lambda newest: newest.global_message_sequence, default=None)
        if self.files.contexts and not self.numbers.context:
            self._restore_numbers(newest)
        if newest is not None:
            self.numbers.go_on_from(newest)

    def _restore_numbers(self, newest: Envelope | None) -> None:
        """The file of numbers was damaged: go on from what contexts and messages tell, or begin another outbox."""
        if newest is None:
            self.agreement.supersede()
            raise SupersededError(f"{self.folder / 'numbers'}: is damaged; a new outbox is begun")
        contexts = self.files.contexts.values()
        self.numbers.restore(
            context=max(context.number for context in contexts),
            connections=max(context.connection_sequence for context in contexts),
        )
        log.error("numbers of an outbox were damaged, and are restored from what it holds")

    @property
    def undeclared(self) -> range:
        """Numbers of messages that were refused and are in no gap row yet."""
        return self.numbers.undeclared

    @property
    def has_room(self) -> bool:
        """Whether the spool is far enough below its bound to go on after a gap."""
        if self._room.free_bytes() < RESERVE_BYTES + ROW_HEADROOM_BYTES:
            return False
        return self.held_bytes + ROW_HEADROOM_BYTES <= self._limit_bytes

    @property
    def newest_context(self) -> Context | None:
        """The context opened last, also when the process that opened it has died."""
        return self.files.context(self.numbers.context) if self.numbers.context else None

    @property
    def held_bytes(self) -> int:
        """Bytes in the segment files."""
        return sum([lane.held_bytes for lane in self.lanes.values()])

    @property
    def backlog(self) -> int:
        """Envelopes without an ack, over all lanes."""
        return sum(lane.backlog for lane in self.lanes.values())

    def set_lanes(self, count: int) -> None:
        """New messages go to the first `count` lanes from now on; the others only drain."""
        for index in range(count):
            if index not in self.lanes:
                self.lanes[index] = Lane(self.folder / f"lane-{index}")
        self._turns.set_active(count)

    def is_retired(self, lane: int) -> bool:
        """Whether a lane gets nothing new and everything in it is durable."""
        return lane >= self._turns.active and self.lanes[lane].backlog == 0

    def open_context(
        self,
        *,
        session_id: str,
        connection_sequence: int,
        url: str,
        subscription_json: bytes,
        tokens_tracked_json: bytes,
    ) -> Context:
        """Keep a new context, which messages may refer to from now on."""
        number = self.numbers.context + 1
        context = Context(
            number, session_id, connection_sequence, url, subscription_json, tokens_tracked_json
        )
        before = self.newest_context
        self.files.add_context(context)
        self.numbers.opened(number, new_session=before is None or before.session_id != session_id)
        self.files.open_session()
        return context

    def append_messages(
        self,
        payloads: list[bytes],
        *,
        opcode: int,
        context: int,
        message_sequence: int,
        received_at_ns: int,
        received_monotonic_ns: int,
    ) -> bool:
        """Number messages received at one instant, the first of which has this `message_sequence`, and keep them.

        False: from some message on they are numbered, but not kept; a gap to declare.
        """
        numbers, turns = self.numbers, self._turns
        done, most = 0, len(payloads)
        while done < len(payloads):
            count = min(most, turns.room(), len(payloads) - done)
            lane = self.lanes[turns.lane]
            batch = Batch(
                MESSAGE,
                lane.last_sequence + 1,
                message_sequence + done,
                numbers.newest + 1,
                received_at_ns,
                received_monotonic_ns,
                context,
                opcode,
                payloads[done : done + count],
            )
            refusing = numbers.refusing
            kept = not refusing and self._append(lane, batch, self._limit_bytes)
            if not kept and not refusing and count > 1:
                most = count // 2  # there may be room for some of them
                continue
            numbers.note(batch, kept=kept)
            turns.took(count)
            done += count
            most = len(payloads)
        return not numbers.refusing

    def append_gap_row(self, row: bytes, *, received_at_ns: int, received_monotonic_ns: int) -> bool:
        """Keep the row that declares all `undeclared` numbers; messages are kept again after it."""
        through = self.numbers.newest
        kept = self.append_row(
            row, received_at_ns=received_at_ns, received_monotonic_ns=received_monotonic_ns
        )
        if kept:
            self.numbers.declared_through(through)
        return kept

    def append_row(self, row: bytes, *, received_at_ns: int, received_monotonic_ns: int) -> bool:
        """Keep a complete archive row. False when even the room kept free for rows is used up."""
        lane = self.lanes[self._turns.lane]
        sequence = lane.last_sequence + 1
        batch = Batch(ROW, sequence, 0, 0, received_at_ns, received_monotonic_ns, 0, 0, [row])
        return self._append(lane, batch, self._limit_bytes + ROW_HEADROOM_BYTES)

    def _append(self, lane: Lane, batch: Batch, limit_bytes: int) -> bool:
        data = encode_batch(batch)
        if self.held_bytes + len(data) > limit_bytes:
            return False
        if not self._room.take(len(data), of_reserve=limit_bytes - self._limit_bytes):
            return False
        try:
            lane.append(batch, data)
        except LaneFullError:
            return False
        return True

    def forget_contexts(self) -> None:
        """Drop the contexts that no envelope without an ack, and no coming one, can refer to."""
        if len(self.files.contexts) < 2:
            return
        first_needed = (
            next((chunk.context for chunk in lane.chunks if chunk.context), None)
            for lane in self.lanes.values()
        )
        self.files.forget_contexts_before(
            min((number for number in first_needed if number), default=max(self.files.contexts))
        )

    def keep(self) -> bool:
        """Whether files of the outbox were gone, and are there again: what is held is read from open descriptors.

        Whatever else stands at its place is moved away. Raises OSError where it cannot be done yet.
        """
        kept = [self._room.keep(), *(lane.keep() for lane in self.lanes.values())]
        kept += [self.numbers.keep(), self._lock.keep(), self.files.keep()]
        return any(kept)

    def close(self, *, finished: bool) -> None:
        """Release the outbox. `finished` and empty, it is removed: the next one is a new producer."""
        empty = self.backlog == 0 and not self.undeclared
        for lane in self.lanes.values():
            lane.close()
        self.numbers.close()
        self._room.close()
        if finished and empty:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()


def _lane_indices(folder: Path, lanes: int) -> list[int]:
    found = {int(path.name.removeprefix("lane-")) for path in folder.glob("lane-*")}
    return sorted(found | set(range(lanes)))
