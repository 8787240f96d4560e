"""Who runs, who talks to whom, how deep each queue is, and what happens when it is full."""

from collections.abc import Collection
from typing import Literal

import msgspec

from common.core.reference.sources import Place
from common.core.rows.origin import Leg
from common.socket_ends import (
    ASKER,
    AUDITOR_TAIL,
    CONTROL,
    KIB,
    LANE_CLIENT,
    LANE_SERVER,
    LIVE_BOOKS,
    TAIL,
    TAP,
    SocketEnd,
)

MIB = 1024 * 1024
SPOOL_BYTES = 1024 * MIB  # of one producer, in tmpfs: at 230 kB/s more than an hour without a writer


Option = Literal["uploads", "resolution"]  # archives are uploaded, or deleted; outcomes are asked for


class ProcessKind(msgspec.Struct, frozen=True):
    """A row of the process table. Lower ranks start first; lower stop ranks are drained first."""

    name: str
    module: str
    instances: Literal["one", "readers", "writers", "places"]
    start_rank: int
    stop_rank: int
    in_sample: bool
    heartbeat_limit_s: float  # silent for longer, it is taken for stuck and replaced
    role: str
    only_with: Option | None = None  # only where this is on
    beside_the_books: bool = False  # what becomes of it says nothing of the recording


class Queue(msgspec.Struct, frozen=True):
    """A row of the queue table. `ends` are those of the producer and of the consumers, where they are sockets."""

    producer: str
    consumer: str
    carried_by: str
    bound: str
    when_full: str
    ends: tuple[SocketEnd, ...] = ()


PROCESSES = (
    ProcessKind(
        name="archive_writer",
        module="procs.archive_writer",
        instances="writers",
        start_rank=1,
        stop_rank=3,
        in_sample=True,
        heartbeat_limit_s=60,  # a slow disk holds a commit up, and is not a reason to kill it
        role="envelopes -> rows -> gzip -> closed archives",
    ),
    ProcessKind(
        name="book_auditor",
        module="procs.book_auditor",
        instances="one",
        start_rank=1,  # before the readers: it sees their opening books
        stop_rank=1,
        in_sample=False,
        heartbeat_limit_s=20,
        role="rebuilds the books, checks them by hash and against checkpoints; divergences into its outbox",
    ),
    ProcessKind(
        name="manifest",
        module="procs.manifest",
        instances="one",
        start_rank=1,
        stop_rank=4,
        in_sample=False,
        heartbeat_limit_s=20,
        role="gathers the facts of all processes into the run manifest",
    ),
    ProcessKind(
        name="discovery",
        module="procs.discovery",
        instances="one",
        start_rank=2,
        stop_rank=1,
        in_sample=False,
        heartbeat_limit_s=20,
        role="polls Gamma and keeps the discovery file",
    ),
    ProcessKind(
        name="rest_checkpointer",
        module="procs.rest_checkpointer",
        instances="one",
        start_rank=3,
        stop_rank=2,
        in_sample=True,
        heartbeat_limit_s=20,
        role="POST /books in turn, into its outbox",
    ),
    ProcessKind(
        name="resolution_poller",
        module="procs.resolution_poller",
        instances="one",
        start_rank=3,
        stop_rank=2,
        in_sample=False,
        heartbeat_limit_s=20,
        role="asks how windows were resolved and what markets are, into its outbox",
        only_with="resolution",
        beside_the_books=True,
    ),
    ProcessKind(
        name="ws_reader",
        module="procs.ws_reader",
        instances="readers",
        start_rank=3,
        stop_rank=2,
        in_sample=True,
        heartbeat_limit_s=20,
        role="one websocket connection of one leg, into its outbox",
    ),
    ProcessKind(
        name="reference",
        module="procs.reference",
        instances="places",
        start_rank=3,
        stop_rank=2,
        in_sample=False,
        heartbeat_limit_s=20,
        role="one connection to a place that tells reference prices, into its outbox",
        beside_the_books=True,
    ),
    ProcessKind(
        name="ledger",
        module="procs.ledger",
        instances="one",
        start_rank=4,
        stop_rank=1,
        in_sample=False,
        heartbeat_limit_s=60,  # it runs at low priority, and nobody waits for it
        role="accounts for every archive window that is over",
    ),
    ProcessKind(
        name="uploader",
        module="procs.uploader",
        instances="one",
        start_rank=4,
        stop_rank=1,
        in_sample=False,
        heartbeat_limit_s=60,  # it runs at low priority, and nobody waits for it
        role="uploads closed archives, proves them at the remote, and cleans up",
        only_with="uploads",
    ),
)

COPY_LIMIT_BYTES = 4 * MIB  # of a lane; a burst beyond it is missed by all observers
WISHES_KEPT = 50
QUESTIONS_A_STEP = 8
REQUESTS_A_STEP = 16

QUEUES = (
    Queue(
        producer="exchange",
        consumer="ws_reader",
        carried_by="websocket",
        bound="the exchange's send buffer",
        when_full="the exchange closes with 1013; the reader reconnects and declares the gap",
    ),
    Queue(
        producer="RTDS, Binance",
        consumer="reference",
        carried_by="websocket",
        bound="the other side's send buffer",
        when_full="the other side closes; the process connects again and declares the gap",
    ),
    Queue(
        producer="ws_reader, rest_checkpointer, resolution_poller, book_auditor, reference",
        consumer="archive_writer",
        carried_by="outbox in tmpfs, lanes over ZeroMQ, acks when durable",
        bound=f"{SPOOL_BYTES // MIB} MiB a producer",
        when_full="the producer goes on, numbers and discards, and declares the exact range as a gap",
        ends=(LANE_SERVER, LANE_CLIENT),
    ),
    Queue(
        producer="every process",
        consumer="manifest, supervisor",
        carried_by="one facts file a process in tmpfs, replaced atomically",
        bound="one file a process",
        when_full="cannot fill: the newest facts replace the older ones",
    ),
    Queue(
        producer="ws_reader, rest_checkpointer, resolution_poller, book_auditor, reference",
        consumer="book_auditor, tail-queue, any observer",
        carried_by="lossy copies, ZeroMQ XPUB",
        bound=f"{TAP.sndhwm} copies for each subscriber, {COPY_LIMIT_BYTES // MIB} MiB a lane in each",
        when_full="that subscriber misses whole copies, and sees it by the lanes' sequences",
        ends=(TAP, TAIL, AUDITOR_TAIL),
    ),
    Queue(
        producer="book_auditor",
        consumer="ws_reader",
        carried_by="wishes in the auditor's facts file",
        bound=f"the newest {WISHES_KEPT}",
        when_full="older wishes are not done: the next check diverges again",
    ),
    Queue(
        producer="book_auditor",
        consumer="manifest",
        carried_by="one question and one answer, ZeroMQ ROUTER, only while somebody looks at the page",
        bound=f"{QUESTIONS_A_STEP} questions a step, {(LIVE_BOOKS.maxmsgsize or 0) // KIB} KiB each",
        when_full="the page shows no prices, and asks again",
        ends=(LIVE_BOOKS, ASKER),
    ),
    Queue(
        producer="recorderctl",
        consumer="supervisor",
        carried_by="one request and one reply, ZeroMQ ROUTER",
        bound=f"{REQUESTS_A_STEP} requests a step, {(CONTROL.maxmsgsize or 0) // KIB} KiB each",
        when_full="the asker waits, and says so when no reply comes",
        ends=(CONTROL, ASKER),
    ),
)


class Instance(msgspec.Struct, frozen=True):
    """One process to run: the `index`th of its kind, from 0; of a leg, or for a place, where there are several."""

    kind: ProcessKind
    index: int
    leg: Leg | None = None
    place: Place | None = None

    @property
    def name(self) -> str:
        """The process's name in logs, facts and the run manifest."""
        if self.kind.instances == "one":
            return self.kind.name
        if self.place is not None:
            return f"{self.kind.name}-{self.place}"
        return f"{self.kind.name}-{self.index}{self.leg or ''}"


def kind_of(name: str) -> ProcessKind:
    """The row of the process table with this name."""
    return next(kind for kind in PROCESSES if kind.name == name)


def single_kinds(*, sample: bool, options: Collection[Option]) -> list[ProcessKind]:
    """The kinds of which a run has one process: of a sample, and of a run in which these options are on."""
    return [
        kind
        for kind in PROCESSES
        if kind.instances == "one"
        and (kind.in_sample or not sample)
        and (kind.only_with is None or kind.only_with in options)
    ]


def start_order(instance: Instance) -> tuple[int, str]:
    """A sort key: lower ranks start first."""
    return (instance.kind.start_rank, instance.name)
