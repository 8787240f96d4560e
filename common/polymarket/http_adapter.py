"""The connections of the HTTP client: dialed as the websocket's are, and cut when a request is past its deadline."""

import contextlib
import socket
import weakref

from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from common.network.deadline import Deadline
from common.network.proxies import Proxy
from common.network.stream import open_proxy, open_stream
from common.network.trust import client_context


class Adapter(HTTPAdapter):
    """Dials as the websocket does, and knows its open connections: a request past its deadline is cut."""

    def __init__(self, ca_file: str) -> None:
        self.ca_file = ca_file
        self.deadline = Deadline(0)  # of the request under way, as is the proxy
        self.proxy: Proxy | None = None
        self._connections: weakref.WeakSet[HTTPConnection] = weakref.WeakSet()
        super().__init__()
        self.poolmanager.pool_classes_by_scheme = _pool_classes(self)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: object) -> PoolManager:
        """The library's, with our connections. Only plain HTTP goes that way; a tunnel is dialed by us."""
        manager: PoolManager = super().proxy_manager_for(proxy, **proxy_kwargs)
        manager.pool_classes_by_scheme = self.poolmanager.pool_classes_by_scheme
        return manager

    def cert_verify(self, conn: object, url: str, verify: object, cert: object) -> None:
        """Nothing: our connections bring a context of their own, which checks certificate and name."""

    def opened(self, connection: HTTPConnection, sock: socket.socket) -> socket.socket:
        """Note a connection whose socket this is."""
        sock.settimeout(self.deadline.left_s())
        self._connections.add(connection)
        return sock

    def cut(self) -> None:
        """Shut down every connection: a thread that waits on one is woken by its end."""
        for connection in list(self._connections):
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _pool_classes(adapter: Adapter) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            if self.proxy is not None and adapter.proxy is not None:
                return adapter.opened(self, open_proxy(adapter.proxy, adapter.deadline))
            return adapter.opened(self, open_stream("http", self.host, self.port, adapter.deadline))

    class Tls(HTTPSConnection):
        def connect(self) -> None:
            self.ssl_context = client_context(adapter.ca_file)
            super().connect()

        def _new_conn(self) -> socket.socket:
            return adapter.opened(self, open_stream("https", self.host, self.port, adapter.deadline))

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}
