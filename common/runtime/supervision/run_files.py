"""What the supervisor lays down in the run's folder, and lays down again when somebody removes or damages it."""

import logging
from contextlib import suppress
from pathlib import Path

from zmq import ZMQError

from common.errors import ConfigError
from common.files import version_of
from common.runtime.problems import Problems
from common.runtime.process import Assignment, write_assignment
from common.runtime.run.control import ControlServer
from common.runtime.run.facts import Tally
from common.runtime.run.orders import ORDERS, Orders, write_orders
from common.runtime.run.run_dir import ASSIGNMENT, RunDir

LOOK_NS = 500_000_000

log = logging.getLogger("supervisor")


class RunFiles:
    """Assignment, orders and the socket for requests. Call `attend` often."""

    def __init__(
        self,
        run_dir: RunDir,
        assignment: Assignment,
        orders: Orders,
        problems: Problems,
        tally: Tally,
    ) -> None:
        """Raises ConfigError where there is no room for them."""
        self.orders = orders
        self._run_dir, self._assignment = run_dir, assignment
        self._problems, self._tally = problems, tally
        self._next_look_ns = 0
        self._written: dict[str, tuple[int, int]] = {}
        try:
            self._write_assignment()
            self._write_orders()
        except OSError as error:
            raise ConfigError(
                f"paths.run_dir: {run_dir.path} cannot be written ({error.strerror})"
            ) from error
        self.control = ControlServer(run_dir.path)

    @property
    def assignment_file(self) -> Path:
        """What each process is told to read."""
        return self._run_dir.path / ASSIGNMENT

    def give(self, orders: Orders) -> None:
        """Replace the orders. Where there is no room they are kept in memory until `keep` can write them."""
        self.orders = orders
        self._written.pop(ORDERS, None)
        with suppress(OSError):
            self._write_orders()

    def attend(self, now_monotonic_ns: int) -> None:
        """Twice a second: see that all is there and whole. Raises AlreadyRunningError if another recorder took over."""
        if now_monotonic_ns < self._next_look_ns:
            return
        self._next_look_ns = now_monotonic_ns + LOOK_NS
        try:
            restored = self.keep()
        except (OSError, ZMQError) as error:
            words = f"{self._run_dir.path}: cannot be written ({error}); make room there"
            self._problems.state("run_folder_full", {"supervisor": words})
            return
        self._problems.state("run_folder_full", {})
        if restored:
            self._tally.add("run_folder_restorations_total")
            words = (
                "the run's folder, or files in it, were removed or damaged by somebody: they are made again"
            )
            log.error(words, extra={"run_dir": str(self._run_dir.path)})

    def keep(self) -> bool:
        """Whether something had been removed or damaged, and is there again. Raises OSError, AlreadyRunningError."""
        restored = self._run_dir.keep()
        if self._seen(ASSIGNMENT) != self._written.get(ASSIGNMENT):
            self._write_assignment()
            restored = True
        if self._seen(ORDERS) != self._written.get(ORDERS):
            restored = restored or ORDERS in self._written
            self._write_orders()
        self.control.keep()
        return restored

    def _seen(self, name: str) -> tuple[int, int] | None:
        return version_of(self._run_dir.path / name)

    def _write_assignment(self) -> None:
        write_assignment(self.assignment_file, self._assignment)
        self._note(ASSIGNMENT)

    def _write_orders(self) -> None:
        write_orders(self._run_dir.path, self.orders)
        self._note(ORDERS)

    def _note(self, name: str) -> None:
        seen = self._seen(name)
        if seen is not None:
            self._written[name] = seen
