"""The faults of a running embedded exchange: which are on, and for how long."""

from collections.abc import Callable

from common.simulation.faults.catalogue import ONCE, Fault


class Faults:
    """The faults that are on; time is the caller's (monotonic seconds)."""

    def __init__(self) -> None:
        self._active: list[tuple[Fault, float, list[int]]] = []

    def add(self, fault: Fault, now_s: float) -> None:
        """Switch a fault on; a `drop` or a `slow` without limits happens once."""
        left = fault.count or int(fault.name in ONCE and not fault.seconds)
        until = now_s + fault.seconds if fault.seconds else float("inf")
        self._active.append((fault, until, [left]))

    def clear(self) -> None:
        """Switch all off."""
        self._active.clear()

    def __bool__(self) -> bool:
        return bool(self._active)

    def active(self, now_s: float) -> list[Fault]:
        """Those that are on now."""
        self._active = [entry for entry in self._active if now_s < entry[1]]
        return [fault for fault, _, _ in self._active]

    def take(self, name: str, now_s: float, *, connection: int = 0, token: str = "") -> Fault | None:
        """The fault of this name that hits now, used once; None when there is none."""
        for fault in self.active(now_s):
            if fault.name == name and fault.connection in (0, connection) and fault.token in ("", token):
                self._use(fault)
                return fault
        return None

    def any_of(self, names: frozenset[str], now_s: float) -> bool:
        """Whether a fault with one of these names is on."""
        return bool(self._active) and any(fault.name in names for fault in self.active(now_s))

    def take_all(
        self, name: str, now_s: float, hits: Callable[[Fault], bool] = lambda _fault: True
    ) -> list[Fault]:
        """Every fault of this name that is on and hits, each used once."""
        found = [fault for fault in self.active(now_s) if fault.name == name and hits(fault)]
        for fault in found:
            self._use(fault)
        return found

    def _use(self, used: Fault) -> None:
        entry = next(entry for entry in self._active if entry[0] is used)
        if entry[2][0]:
            entry[2][0] -= 1
            if not entry[2][0]:
                self._active.remove(entry)
