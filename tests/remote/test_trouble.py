"""A remote or an rclone that does not do what it should: nothing is deleted, and the reason is in words."""

import contextlib
import http.server
import socket
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.archive.read import closed_archives
from common.archive.upload_records import read_record
from common.remote.secrets import HIDDEN
from tests.archive.recordings import UP, Recorder
from tests.remote.stores import (
    IMPATIENT,
    PLAIN,
    RCLONE,
    SECRET,
    Store,
    Uploading,
    free_port,
    s3_environment,
    served,
    webdav_environment,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root with two closed archives."""
    recorder = Recorder(tmp_path / "d")
    recorder.open(UP)
    recorder.messages(10)
    recorder.close_session()
    recorder.end()
    return tmp_path / "d"


class _Refusing(http.server.BaseHTTPRequestHandler):
    def refuse(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Retry-After", "77")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_PUT = do_POST = do_PROPFIND = do_MKCOL = refuse  # noqa: N815 - http.server's names

    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def refusing_server(status: int) -> Iterator[int]:
    """A server that answers everything with one status; gives its port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    server.status = status  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def socket_server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does one thing with each connection; gives its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve_and_close(connection: socket.socket) -> None:
        with connection:
            serve(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve_and_close, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def store(kind: str, port: int) -> Store:
    environment = s3_environment(port) if kind == "s3" else webdav_environment(port)
    return Store("S:bucket/x" if kind == "s3" else "W:x", Path("/nowhere"), {**environment, **IMPATIENT})


def failed_pass(root: Path, uploading: Uploading) -> str:
    """Make a pass that must fail as a whole; gives its words."""
    before = closed_archives(root)
    words = uploading.run()
    assert closed_archives(root) == before
    assert [event.kind for event in uploading.events] == ["away"]
    assert uploading.words("away") == words
    return words


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [("s3", 403, "403"), ("webdav", 401, "401"), ("webdav", 503, "503"), ("s3", 500, "500")],
)
def test_a_remote_that_refuses_is_quoted(root: Path, kind: str, status: int, words: str) -> None:
    with refusing_server(status) as port:
        told = failed_pass(root, Uploading(root, store(kind, port), clean_up=True))
    assert words in told


def test_a_retry_after_is_heeded(root: Path) -> None:
    with refusing_server(503) as port:
        uploading = Uploading(root, store("webdav", port))
        failed_pass(root, uploading)
        assert uploading.uploads.retry_after_s == 77
    with refusing_server(403) as port:
        uploading = Uploading(root, store("webdav", port))
        failed_pass(root, uploading)
        assert uploading.uploads.retry_after_s == 0


def test_a_remote_that_is_away_is_told_as_such(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    assert "connection refused" in failed_pass(root, Uploading(root, store("webdav", port), clean_up=True))


def test_a_remote_that_breaks_off_halfway_is_told_as_such(root: Path) -> None:
    def break_off(connection: socket.socket) -> None:
        with connection:
            while request := connection.recv(4096):
                if request.startswith(b"PUT"):
                    return
                status = "201 Created" if request.startswith(b"MKCOL") else "404 Not Found"
                connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    with socket_server(break_off) as port:
        told = failed_pass(root, Uploading(root, store("webdav", port)))
    assert "Put " in told
    assert "EOF" in told or "reset" in told or "broken pipe" in told


def cutting(port: int, path: str) -> Callable[[socket.socket], None]:
    """Passes everything on to the server at `port`, but cuts the connection where this path is to be read."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65_536):
                if piece.startswith(b"GET ") and path in urllib.parse.unquote(piece.split()[1].decode()):
                    break
                sink.sendall(piece)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(connection: socket.socket) -> None:
        with connection, socket.create_connection(("127.0.0.1", port)) as server:
            back = threading.Thread(target=pump, args=(server, connection), daemon=True)
            back.start()
            pump(connection, server)
            back.join()

    return serve


def test_what_cannot_be_read_this_time_is_not_taken_for_lost(root: Path, tmp_path: Path) -> None:
    paths = [archive.relative_to(root).as_posix() for archive in closed_archives(root)]
    port = free_port()
    (tmp_path / "served" / "x").mkdir(parents=True)
    with served("webdav", tmp_path / "served", port), socket_server(cutting(port, paths[0])) as cut:
        assert Uploading(root, store("webdav", port)).run() == ""
        before = read_record(root, paths[0])
        uploading = Uploading(root, store("webdav", cut), clean_up=True)
        assert uploading.run() == ""
        assert uploading.paths("cleaned") == paths[1:]
        assert paths[0] in uploading.words("failed")
        assert read_record(root, paths[0]) == before
        assert Uploading(root, store("webdav", port), clean_up=True).run() == ""
    assert closed_archives(root) == []


def test_a_remote_that_never_answers_is_given_up(root: Path) -> None:
    with socket_server(lambda _connection: time.sleep(60)) as port:
        patient = store("webdav", port)
        quick = Store(patient.remote, patient.disk, {**patient.environment, "RCLONE_TIMEOUT": "1s"})
        assert failed_pass(root, Uploading(root, quick))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (None, "is not a program"),
        ("echo rclone v1.53.3-DEV", "is too old"),
        ("echo something else", "is not rclone"),
        ("[ $1 = version ] && echo rclone v1.75.0 || kill -9 $$", "was killed by signal 9"),
        ("[ $1 = version ] && echo rclone v1.75.0 || exec sleep 60", "took longer than 1 s"),
    ],
)
def test_an_rclone_that_will_not_do_is_named(
    root: Path, tmp_path: Path, script: str | None, words: str
) -> None:
    program = tmp_path / "rclone"
    if script is not None:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    remote = Store(str(tmp_path / "store"), tmp_path / "store", PLAIN)
    uploading = Uploading(root, remote, rclone=str(program), limit_s=1, clean_up=True)
    assert words in failed_pass(root, uploading)


def test_a_name_that_rclone_does_not_know_is_told_in_its_words(root: Path) -> None:
    uploading = Uploading(root, Store("NOWHERE:x", Path("/nowhere"), PLAIN))
    assert "didn't find section in config file" in failed_pass(root, uploading)


def test_a_proof_that_cannot_be_written_down_deletes_nothing(root: Path, tmp_path: Path) -> None:
    (root / "uploads").write_text("in the way, as a full disk would be")
    remote = Store(str(tmp_path / "store"), tmp_path / "store", PLAIN)
    assert "uploads" in failed_pass(root, Uploading(root, remote, clean_up=True))


def test_a_remote_that_is_the_data_root_itself_costs_nothing(root: Path) -> None:
    assert "data root itself" in failed_pass(
        root, Uploading(root, Store(str(root), root, PLAIN), clean_up=True)
    )


def test_no_secret_of_the_environment_is_told(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    url = f"http://me:pass-{SECRET}@127.0.0.1:{port}/{SECRET}"
    secrets = {"RCLONE_CONFIG_W_URL": url, "RCLONE_CONFIG_W_BEARER_TOKEN": SECRET}
    environment = {**webdav_environment(port), **secrets, **IMPATIENT}
    told = failed_pass(root, Uploading(root, Store("W:x", Path("/nowhere"), environment)))
    assert "connection refused" in told
    assert HIDDEN in told
    assert SECRET not in told


def test_the_program_is_the_one_that_was_installed_with_us() -> None:
    assert Path(RCLONE).parent == Path(sys.executable).parent
