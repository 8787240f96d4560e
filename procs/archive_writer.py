"""Drains one lane of every producer: envelopes become rows, rows archives; acks follow each commit."""

import logging
from functools import partial
from pathlib import Path

import msgspec
import zmq

from common.archive.writing.store import LaneStore
from common.core.batch import Batch
from common.core.envelope import MESSAGE
from common.core.rows.facts import RowFacts, facts_of
from common.core.rows.names import REFERENCE, Layout
from common.core.rows.reading import row_of
from common.core.rows.websocket import Rows, message_constant
from common.locks import is_locked
from common.polymarket.batch_rows import MessageRows, message_rows
from common.polymarket.reference_rows import reference_rows
from common.queue.lane_client import LaneClient
from common.queue.outbox_files import Identity
from common.runtime.process import Runtime, main
from common.runtime.run.details import WriterDetails
from common.runtime.run.facts import last_facts
from common.runtime.run.orders import OrdersFollower
from common.runtime.writer_account import archive_shown, clock_offset_told, totals, totals_before_run

CHUNKS_A_STEP = 64
LOOK_FOR_PRODUCERS_NS = 200_000_000
QUIET_NS = 2_000_000_000  # without rows for so long, a producer's windows close by the clock

log = logging.getLogger("archive_writer")


class _Source:
    """One producer's lane, with what the rows of its contexts have in common."""

    def __init__(self, identity: Identity, client: LaneClient) -> None:
        self.identity = identity
        self.client = client
        self._constants: dict[int, bytes] = {}
        self.took_rows_ns = 0

    def constant(self, context: int) -> bytes:
        """What the rows of a context's messages begin with."""
        known = self._constants.get(context)
        if known is None:
            known = message_constant(self.client.contexts[context], self.identity.origin)
            self._constants = {context: known, **dict(list(self._constants.items())[:7])}
        return known


class ArchiveWriter:
    """One lane: its store on disk, and a client for each producer found in the run's folder."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        settings = runtime.settings.writer
        layout = Layout(
            runtime.assignment.mode, runtime.assignment.run_id, settings.rotation_interval_seconds
        )
        self._store = LaneStore.open(
            runtime.data_root, runtime.index, layout=layout, gzip_level=settings.gzip_level
        )
        self._store.clock_offset = partial(clock_offset_told, runtime.run_dir)
        for finding in self._store.findings:
            log.warning("recovery finding", extra={"finding": finding})
        self._before_run = totals_before_run(self._store, last_facts(runtime.run_dir, runtime.name))
        self._commit_ns = int(settings.commit_interval_seconds * 1e9)
        self._next_commit_ns = 0
        self._next_look_ns = 0
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._poller = zmq.Poller()
        self._producers = runtime.run_dir / "producers"
        self._sources: dict[str, _Source] = {}
        self._orders = OrdersFollower(runtime.run_dir)
        self._rotations = self._orders.current(runtime.clock.monotonic_ns()).rotations
        self._stopping = False

    def step(self, timeout_s: float) -> bool:
        """Take what the producers sent, commit when it is time. False when all ended and is closed."""
        self._look_for_producers()
        self._wait(timeout_s)
        for source in list(self._sources.values()):
            self._drain(source)
        self._commit_if_due()
        if self._stopping and self._producers_ended():
            self._store.close_all()
            self._commit()
            return False
        return True

    def _wait(self, timeout_s: float) -> None:
        until_commit_s = (self._next_commit_ns - self._runtime.clock.monotonic_ns()) / 1e9
        self._poller.poll(int(max(0.0, min(timeout_s, until_commit_s)) * 1000))

    def _look_for_producers(self) -> None:
        now = self._runtime.clock.monotonic_ns()
        if now < self._next_look_ns:
            return
        self._next_look_ns = now + LOOK_FOR_PRODUCERS_NS
        for path in sorted(self._producers.glob("*/identity.json")):
            try:
                identity = msgspec.json.decode(path.read_bytes(), type=Identity)
            except FileNotFoundError:
                continue  # it finished just now
            known = self._sources.get(path.parent.name)
            if known is None or known.identity != identity:
                self._connect(path.parent, identity, now)

    def _connect(self, folder: Path, identity: Identity, now: int) -> None:
        before = self._sources.pop(folder.name, None)
        if before is not None:
            self._poller.unregister(before.client.socket)
            before.client.close()
        mark = self._store.mark(identity.producer)
        client = LaneClient(
            self._context,
            endpoint=f"ipc://{folder / 'queue.sock'}",
            producer=identity.producer,
            lane=self._runtime.index,
            durable=self._store.durable.get(identity.producer, 0),
            now_monotonic_ns=now,
            number=mark.number,
            at_ns=mark.at_ns,
        )
        self._sources[folder.name] = _Source(identity, client)
        self._poller.register(client.socket, zmq.POLLIN)
        log.info("lane claimed", extra={"producer": identity.producer, "lane": self._runtime.index})

    def _drain(self, source: _Source) -> None:
        now = self._runtime.clock.monotonic_ns()
        for _ in range(CHUNKS_A_STEP):
            batches = source.client.receive(now)
            if batches is None:
                return
            if (missing := source.client.take_missing()) is not None:
                self._store.skip(source.identity.producer, missing)
            for batch in batches:
                source.took_rows_ns = now
                self._write(source, batch)

    def _write(self, source: _Source, batch: Batch) -> None:
        identity = source.identity
        if batch.kind == MESSAGE:
            made = (reference_rows if identity.stream == REFERENCE else message_rows)(batch)
            rows = Rows(source.constant(batch.context), made.rests)
            facts = RowFacts(
                batch.received_at_ns,
                source.client.contexts[batch.context].session_id,
                batch.message_sequence,
                batch.global_message_sequence,
                rows=len(batch.payloads),
                exchange=identity.exchange,
                leg=identity.leg,
                host=identity.host,
            )
            self._count(made)
        else:
            [row] = batch.payloads
            rows = Rows(b"", [row + b"\n"])
            facts = facts_of(row_of(row))
        self._store.append_rows(identity.stream, identity.producer, batch.lane_sequence, rows, facts)

    def _count(self, made: MessageRows) -> None:
        tally = self._runtime.tally
        tally.event_types.update(made.event_types)
        if made.unknown:
            tally.add("unknown_messages_total", made.unknown)
        if made.json_errors:
            tally.add("json_errors_total", made.json_errors)

    def _commit_if_due(self) -> None:
        now = self._runtime.clock.monotonic_ns()
        if now < self._next_commit_ns:
            return
        self._next_commit_ns = now + (self._commit_ns if not self._stopping else 50_000_000)
        self._rotate(now)
        self._commit()

    def _rotate(self, now: int) -> None:
        """Close what was ordered, and the windows that are over for a producer that has gone quiet.

        A row that comes late all the same gets an archive of its own: no archive depends on this clock.
        """
        rotations = self._orders.current(now).rotations
        if rotations > self._rotations:
            self._rotations = rotations
            self._store.rotate()
        for source in self._sources.values():
            if now - source.took_rows_ns > QUIET_NS:
                over_ns = self._runtime.clock.wall_ns() - QUIET_NS
                self._store.close_windows_before(source.identity.producer, over_ns)

    def _commit(self) -> None:
        durable = self._store.commit()
        for source in self._sources.values():
            source.client.ack(durable.get(source.identity.producer, 0))
        for counter, total in totals(self._store).items():
            self._runtime.tally.counters[counter] = total - self._before_run[counter]

    def _producers_ended(self) -> bool:
        """Whether nobody is left to send; who has just begun counts, though this writer does not know it yet."""
        self._next_look_ns = 0
        retired = {name for name, source in self._sources.items() if source.client.retired}
        locks = self._producers.glob("*/lock")
        return not any(is_locked(lock) for lock in locks if lock.parent.name not in retired)

    def stop(self) -> None:
        """Ends when the producers have, or have retired this lane; commits often, so that they need not wait."""
        self._stopping = True
        self._next_commit_ns = 0

    def details(self) -> WriterDetails:
        """The archives, as the run manifest shows them."""
        return WriterDetails(
            before_run=self._before_run,
            open_archives=tuple(map(archive_shown, self._store.open_archives)),
            closed_archives=tuple(map(archive_shown, self._store.closed_archives)),
        )

    def close(self) -> None:
        """Let go of the lane."""
        self._store.close()
        for source in self._sources.values():
            source.client.close()
        self._context.term()


if __name__ == "__main__":
    main(ArchiveWriter)
