"""What crosses the queue between a producer and a writer, and how it is framed.

writer   -> producer   Hello: I own this lane now, and have everything before `next` durable
writer   -> producer   Ack: everything up to and including `durable` is in an archive, synced
writer   -> producer   Taken: everything up to and including `through` has arrived, and more may be sent
producer -> writer     ContextFrame: what the following messages refer to
producer -> writer     Data: envelopes `first` to `last` of the lane, encoded, in the second frame
producer -> writer     Retired: the lane is empty and stays so
"""

import msgspec


class Hello(msgspec.Struct, frozen=True, tag=True):
    """A writer claims a lane of a producer. It replaces whoever owned the lane before."""

    producer: str
    lane: int
    next: int


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


class ContextFrame(msgspec.Struct, frozen=True, tag=True):
    """A context, encoded as JSON; sent to each owner of a lane before the first message that needs it."""

    context_json: bytes


class Data(msgspec.Struct, frozen=True, tag=True):
    """The header of a chunk of envelopes."""

    first: int
    last: int


FromWriter = Hello | Ack | Taken
FromProducer = ContextFrame | Data | Retired

encode = msgspec.msgpack.Encoder().encode
decode_from_writer = msgspec.msgpack.Decoder(FromWriter).decode
decode_from_producer = msgspec.msgpack.Decoder(FromProducer).decode
