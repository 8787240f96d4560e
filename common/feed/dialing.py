"""One dial at a time, beside the loop of a reader, at the pace of the host; each also measures the clock's error."""

from collections.abc import Sequence

from common.core.rows.origin import LEGS
from common.feed.dial_pacing import DialPacing
from common.feed.one_dial import OneDial, connected
from common.network.deadline import Deadline
from common.network.errors import DialError
from common.network.resolver import RESOLVER, Address, in_turn
from common.polymarket.websocket.connection import Connection
from common.runtime.machine.clock_error import ClockError
from common.runtime.process import Runtime

NS = 1_000_000_000
STAGGER_NS = 2 * NS  # legs that dial together would reach the age at which the exchange cuts together


class Dialing:
    """`begin`, then `attend` often until `done`, then `take`; or `forget`. Times are monotonic nanoseconds."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime, self._leg = runtime, runtime.leg
        legs = len(LEGS) if runtime.leg is not None else 1
        self._pacing = DialPacing(runtime.run_dir, runtime.leg or LEGS[0], legs=legs)
        self._stagger_ns = STAGGER_NS if runtime.leg == LEGS[1] else 0
        self._clock_error = ClockError()
        self._at_ns = 0
        self._dial = OneDial(self._connect)

    @property
    def clock_error_ms(self) -> float | None:
        """How far this machine's clock may be off; None where that is unknown."""
        return self._clock_error.ms

    @property
    def runs(self) -> bool:
        """Whether a dial is under way."""
        return self._dial.runs

    @property
    def done(self) -> bool:
        """Whether a dial has ended and is to be taken."""
        return self._dial.done

    def begin(self, now_ns: int) -> int:
        """For how long to wait until the host's pace allows a dial; the second leg's first one comes later still."""
        self._at_ns = self._pacing.reserve(now_ns) + self._stagger_ns
        self._stagger_ns = 0
        self._clock_error.measure()
        self.attend(now_ns)
        return self._at_ns - now_ns

    def attend(self, now_ns: int) -> None:
        """Dial once it is time."""
        if not self._dial.runs and now_ns >= self._at_ns:
            self._dial.begin()

    def take(self, now_ns: int) -> Connection:
        """The connection. Raises DialError where none came about."""
        try:
            return self._dial.take()
        except DialError as error:
            if error.too_many:
                self._pacing.refused(now_ns)
            raise

    def forget(self) -> None:
        """Give the dial up."""
        self._dial.forget()

    def _connect(self) -> Connection:
        return connected(self._runtime, self._runtime.settings.exchange.ws_url, resolve=self._resolve)

    def _resolve(self, host: str, port: int, deadline: Deadline) -> Sequence[Address]:
        """Legs try the addresses of a name in opposite orders, so that one that breaks down breaks one leg only."""
        addresses = RESOLVER.addresses(host, port, deadline)
        return addresses if self._leg is None else in_turn(addresses, backwards=self._leg != LEGS[0])
