"""What crosses the queue between a producer and a writer, and how it is framed.

writer   -> producer   Hello: I own this lane now, and have everything before `next` durable
writer   -> producer   Ack: everything up to and including `durable` is in an archive, synced
writer   -> producer   Taken: everything up to and including `through` has arrived, and more may be sent
producer -> writer     ContextFrame: what following messages refer to
producer -> writer     Data: envelopes `first` to `last` of the lane, encoded, in the second frame
producer -> writer     Retired: the lane is empty and stays so
producer -> writer     Missing: envelopes `first` to `last` are no longer held; a gap row declares them

A hello that does not agree with the outbox is resolved once: where the archives are behind, the outbox offers again
what it still holds, and tells by Missing what it does not; where they are ahead, the outbox is of an earlier life, and
a new one takes its place.
"""

import msgspec

PROTOCOL_VERSION = 1
CONTEXTS_KEPT = (
    64  # that came last: a writer forgets the others, and a producer that refers to one sends it again
)


class Hello(msgspec.Struct, frozen=True, tag=True):
    """A writer claims a lane of a producer. It replaces the writer that owned the lane before.

    `number` and `at_ns` are the highest message number of the producer in the archives of this lane and the receive
    time of its newest row there, 0 where that is not known. A producer does not serve a `version` above its own.
    """

    producer: str
    lane: int
    next: int
    number: int = 0
    at_ns: int = 0
    version: int = PROTOCOL_VERSION


class Ack(msgspec.Struct, frozen=True, tag=True):
    """A writer's promise, cumulative. Heeded only from the lane's owner."""

    lane: int
    durable: int


class Taken(msgspec.Struct, frozen=True, tag=True):
    """Opens the window, promises nothing. Heeded only from the lane's owner."""

    lane: int
    through: int


class Retired(msgspec.Struct, frozen=True, tag=True):
    """The lane gets nothing new, and the owner has everything that was in it."""


class Missing(msgspec.Struct, frozen=True, tag=True):
    """The producer was told before that these are durable, and has forgotten them."""

    first: int
    last: int


class ContextFrame(msgspec.Struct, frozen=True, tag=True):
    """A context, encoded as JSON; sent to each owner of a lane before the first message that needs it."""

    context_json: bytes


class Data(msgspec.Struct, frozen=True, tag=True):
    """The header of a chunk of envelopes."""

    first: int
    last: int


FromWriter = Hello | Ack | Taken
FromProducer = ContextFrame | Data | Missing | Retired

encode = msgspec.msgpack.Encoder().encode
decode_from_writer = msgspec.msgpack.Decoder(FromWriter).decode
decode_from_producer = msgspec.msgpack.Decoder(FromProducer).decode
