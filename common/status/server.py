"""The status over HTTP: few paths, reading only, bounded in connections and in time.

Runs in a thread with an event loop of its own and never touches the loop of the process that it lives in. Import it
only where the port is on: its library takes 24 MiB.
"""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable

from aiohttp import web

from common.status.answers import Pages, Site
from common.status.connections import CONNECTION_LIMIT_S, MAX_CONNECTIONS, Connection, Door
from common.status.routes import Routes

POLL_S = 0.2  # how often `tick` is called
LONGEST_CLOSE_S = 5.0

log = logging.getLogger(__name__)


class StatusServer:
    """Serves `pages`, and `site` where there is one, from creation until `close`.

    Raises OSError where it cannot listen, RuntimeError where the machine gives no thread.
    """

    def __init__(
        self,
        host: str,
        port: int,
        pages: Pages,
        *,
        site: Site | None = None,
        connection_limit_s: float = CONNECTION_LIMIT_S,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        """`tick` is called every POLL_S."""
        self._routes, self._tick = Routes(pages, site), tick
        self._door = Door(connection_limit_s)
        self._socket = _listening(host, port)
        self.server_name, self.server_port = self._socket.getsockname()[:2]
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="status", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._socket.close()
            self._loop.close()
            raise

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.server_name}]" if ":" in self.server_name else self.server_name
        return f"http://{host}:{self.server_port}"

    def close(self) -> None:
        """Stop listening, and cut off anyone who is connected."""
        with contextlib.suppress(RuntimeError):  # its loop ended by itself
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(LONGEST_CLOSE_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        manager = web.Server(self._routes.answer)
        server = await self._loop.create_server(
            lambda: Connection(manager, self._door), sock=self._socket, backlog=MAX_CONNECTIONS
        )
        while not self._stopping.is_set():
            self._tick()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), POLL_S)
        server.close()
        await manager.shutdown(timeout=0)


def _listening(host: str, port: int) -> socket.socket:
    """Two recorders must not share a port unknowingly: SO_REUSEADDR only, which a live listener refuses."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(MAX_CONNECTIONS)
    except BaseException:
        listener.close()
        raise
    return listener
