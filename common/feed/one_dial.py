"""One dial at a time beside the loop of its owner."""

from collections.abc import Callable

from common.network.race import Resolve
from common.network.resolver import RESOLVER
from common.polymarket.websocket.connection import Connection
from common.runtime.background import BackgroundCall
from common.runtime.process import Runtime

HANDSHAKE_TIMEOUT_S = 10.0


class OneDial:
    """`begin`, then look at `done` until it is, then `take`; or `forget`."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._call: BackgroundCall[Connection] | None = None

    @property
    def runs(self) -> bool:
        """Whether a dial is under way, or has ended and was not taken."""
        return self._call is not None

    @property
    def done(self) -> bool:
        """Whether a dial has ended and is to be taken."""
        return self._call is not None and self._call.done

    def begin(self) -> None:
        """Dial now."""
        self._call = BackgroundCall(self._connect)

    def take(self) -> Connection:
        """The connection. Raises DialError where none came about."""
        assert self._call is not None, "it is done"
        call, self._call = self._call, None
        return call.result()

    def forget(self) -> None:
        """Give the dial up."""
        if self._call is not None:
            self._call.forget(Connection.close)
            self._call = None


def connected(runtime: Runtime, url: str, *, resolve: Resolve = RESOLVER.addresses) -> Connection:
    """Connect to an address as the settings of the run have it. Raises DialError."""
    settings = runtime.settings.websocket
    return Connection(
        url,
        handshake_timeout_s=HANDSHAKE_TIMEOUT_S,
        max_frame_bytes=settings.max_frame_bytes,
        ca_file=settings.ca_file,
        expected=runtime.assignment.exchange,
        resolve=resolve,
    )
