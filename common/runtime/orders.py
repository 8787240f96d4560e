"""The supervisor's standing orders: one small file in the run's folder that every process follows.

A process that was restarted, or missed a change, finds the newest orders there: nothing depends on a message.
"""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from common.runtime.control import RefreshDiscovery, Rotate, ScaleWriters

LOOK_NS = 200_000_000


class Orders(msgspec.Struct, frozen=True):
    """What is wanted now. `rotations` and `discoveries` count requests: who sees one grow acts once."""

    writers: int
    readers: int
    rotations: int = 0
    discoveries: int = 0


def write_orders(run_dir: Path, orders: Orders) -> None:
    """Replace the file. Not synced: it does not outlive the run."""
    partial = run_dir / "orders.json.partial"
    partial.write_bytes(msgspec.json.encode(orders))
    partial.rename(run_dir / "orders.json")


def obey(request: ScaleWriters | Rotate | RefreshDiscovery, orders: Orders) -> tuple[Orders, str]:
    """The orders that a request makes of those that stand, and what comes of it, in words for the user."""
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
        self._path = run_dir / "orders.json"
        self._seen = 0
        self._next_look_ns = 0
        self._orders = self._read()

    def _read(self) -> Orders:
        self._seen = self._path.stat().st_ino
        return msgspec.json.decode(self._path.read_bytes(), type=Orders)

    def current(self, now_monotonic_ns: int) -> Orders:
        """The newest orders."""
        if now_monotonic_ns >= self._next_look_ns:
            self._next_look_ns = now_monotonic_ns + LOOK_NS
            if self._path.stat().st_ino != self._seen:
                self._orders = self._read()
        return self._orders
