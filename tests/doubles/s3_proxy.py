"""Stands before an S3 store: counts what it is asked, and may answer with ETags that are no MD5 of the content."""

import hashlib
import http.client
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

ETAG = re.compile(rb"(&#34;|&quot;|\")([0-9a-f]{32})(&#34;|&quot;|\")")
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class S3Proxy:
    """`asked` counts requests by kind: `PUT`, `GET`, `HEAD`, `LIST`, `DELETE`."""

    def __init__(self, store_port: int, *, other_etags: bool = False) -> None:
        self.store_port, self.other_etags = store_port, other_etags
        self.asked = Counter[str]()
        self.port = 0

    def shown(self, text: bytes) -> bytes:
        """With ETags as a store gives them that encrypts: as long as an MD5, and none."""
        if not self.other_etags:
            return text
        return ETAG.sub(lambda found: found[1] + _other(found[2]) + found[3], text)


@contextmanager
def s3_proxy(store_port: int, *, other_etags: bool = False) -> Iterator[S3Proxy]:
    proxy = S3Proxy(store_port, other_etags=other_etags)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(proxy))
    proxy.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _other(etag: bytes) -> bytes:
    return hashlib.md5(etag, usedforsecurity=False).hexdigest().encode()


def _kind(method: str, path: str) -> str:
    parts = urlsplit(path)
    is_bucket = parts.path.strip("/").count("/") == 0
    return "LIST" if method == "GET" and is_bucket else method


def _handler(proxy: S3Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            kind = _kind(self.command, self.path)
            proxy.asked[kind] += 1
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            store = http.client.HTTPConnection("127.0.0.1", proxy.store_port, timeout=60)
            try:
                store.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    store.putheader(name, value)
                store.endheaders(body)
                answer = store.getresponse()
                content = answer.read()
            finally:
                store.close()
            if kind in {"LIST", "PUT"}:
                content = proxy.shown(content)
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() == "etag":
                    self.send_header(name, proxy.shown(value.encode()).decode())
                elif name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(content)))
            with suppress(ConnectionError):  # the program was ended meanwhile
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else content)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _pass_on  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            pass

    return Handler
