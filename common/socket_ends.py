"""The ends of the queues that are ZeroMQ sockets, with every option that they are made with."""

from typing import Literal

import msgspec

KIB = 1024


class SocketEnd(msgspec.Struct, frozen=True):
    """One end of a queue over ZeroMQ: its kind, and its options by ZeroMQ's names; None leaves ZeroMQ's default.

    A high-water mark (messages, of each peer) of 0 is none; times are in milliseconds.
    """

    kind: Literal["ROUTER", "DEALER", "XPUB", "SUB"]
    sndhwm: int | None = None
    rcvhwm: int | None = None
    maxmsgsize: int | None = None
    linger: int | None = 0
    heartbeat_ivl: int | None = None
    heartbeat_timeout: int | None = None
    reconnect_ivl: int | None = None
    reconnect_ivl_max: int | None = None


# What waits for a writer is bounded by the spool, and what is on its way to it by a window: no messages are dropped.
LANE_SERVER = SocketEnd(
    "ROUTER",
    sndhwm=0,
    rcvhwm=0,
    maxmsgsize=4 * KIB,  # a hello or an ack; whatever is larger is not from a writer
    heartbeat_ivl=500,
    heartbeat_timeout=1500,
)
LANE_CLIENT = SocketEnd("DEALER", sndhwm=0, rcvhwm=0, heartbeat_ivl=500, heartbeat_timeout=1500)
TAP = SocketEnd(
    "XPUB",
    sndhwm=32,  # copies for each slow subscriber: 3.2 s of them
    maxmsgsize=256,  # a subscription; without a bound a subscriber can fill our memory
    linger=100,
)
TAIL = SocketEnd("SUB", rcvhwm=1000, reconnect_ivl=100, reconnect_ivl_max=1000)
AUDITOR_TAIL = msgspec.structs.replace(
    TAIL, rcvhwm=128
)  # more than the time after which they would be too late
LIVE_BOOKS = SocketEnd("ROUTER", maxmsgsize=64 * KIB)
CONTROL = SocketEnd(
    "ROUTER", maxmsgsize=KIB, linger=500
)  # the reply to a stop may be the last thing to leave
ASKER = SocketEnd("DEALER")
