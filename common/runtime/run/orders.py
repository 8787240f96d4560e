"""The supervisor's standing orders: one small file in the run's folder that every process follows.

A process that was restarted, or missed a change, finds the newest orders there: nothing depends on a message.
"""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from common import files
from common.errors import RecorderError
from common.runtime.run.control import RefreshDiscovery, Rotate, ScaleWriters

LOOK_NS = 200_000_000
ORDERS = "orders.json"


class Orders(msgspec.Struct, frozen=True):
    """What is wanted now, `readers` on each of the `legs`.

    `rotations` and `discoveries` count requests: who sees one grow acts once.
    """

    writers: int
    readers: int
    rotations: int = 0
    discoveries: int = 0
    legs: int = 1


def write_orders(run_dir: Path, orders: Orders) -> None:
    """Replace the file. Not synced: it does not outlive the run. Raises OSError."""
    files.replace(run_dir / ORDERS, msgspec.json.encode(orders))


def read_orders(run_dir: Path) -> Orders | None:
    """The orders that stand, None where the file is missing or damaged: the supervisor soon writes it again."""
    try:
        return msgspec.json.decode((run_dir / ORDERS).read_bytes(), type=Orders)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def obey(request: ScaleWriters | Rotate | RefreshDiscovery, orders: Orders) -> tuple[Orders, str]:
    """The orders that a request makes of those that stand, and what comes of it, as a message for the user."""
    match request:
        case ScaleWriters(writers):
            return replace(orders, writers=writers), f"writers: {orders.writers} -> {writers}"
        case Rotate():
            words = "every writer closes its open archives and begins new ones"
            return replace(orders, rotations=orders.rotations + 1), words
        case RefreshDiscovery():
            words = "discovery asks now which markets to record"
            return replace(orders, discoveries=orders.discoveries + 1), words


class OrdersFollower:
    """Reads the file again when it was replaced, looking a few times a second."""

    def __init__(self, run_dir: Path) -> None:
        """Raises RecorderError where there are none: a process that needs them is started again."""
        self._run_dir = run_dir
        self._seen = files.version_of(run_dir / ORDERS)
        self._next_look_ns = 0
        orders = read_orders(run_dir)
        if orders is None:
            raise RecorderError(f"{run_dir / ORDERS}: is missing or damaged; the supervisor writes it again")
        self._orders = orders

    def current(self, now_monotonic_ns: int) -> Orders:
        """The newest orders; where they are gone or damaged, those that stood before."""
        if now_monotonic_ns >= self._next_look_ns:
            self._next_look_ns = now_monotonic_ns + LOOK_NS
            version = files.version_of(self._run_dir / ORDERS)
            if version != self._seen and (orders := read_orders(self._run_dir)) is not None:
                self._seen, self._orders = version, orders
        return self._orders
