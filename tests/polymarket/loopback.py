"""A small HTTP server on loopback whose answers are functions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True  # headers and body go in two pieces: no waiting for acknowledgements
    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.sent_body = self.rfile.read(length)
        self.server.requests.append(self)
        self.server.answer(self)

    do_POST = do_GET  # noqa: N815 - the library's name

    def date_time_string(self, timestamp: float | None = None) -> str:
        return self.server.date or super().date_time_string(timestamp)

    def log_message(self, *_args: object) -> None:
        pass

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


Answer = Callable[[Handler], None]


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.date = ""  # of the answers; empty: now
        self.requests: list[Handler] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, _request: object, _client_address: object) -> None:
        pass  # a client that leaves early is what some tests are about


@contextmanager
def serving(answer: Answer) -> Iterator[Server]:
    with Server(answer) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
