"""Real stores on loopback, made by rclone itself, and an upload to them as the recorder does it."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from common.core.uploads.judgement import UploadEvent
from common.core.uploads.record import Proof
from common.core.uploads.retention import NOTHING_GOES, Retention
from common.remote.program import find_rclone
from common.remote.rclone import LIMIT_S, Hashes, Rclone
from common.runtime.clock import Clock
from common.uploads.passes import Uploads
from tests.waiting import wait_for

RCLONE = str(find_rclone("rclone"))
KEY, SECRET = "accesskey0", "never-to-be-seen"
PLAIN = {"RCLONE_CONFIG": "/dev/null"}
IMPATIENT = {"RCLONE_LOW_LEVEL_RETRIES": "1"}  # for a store that does not come back in time anyway


STANDING = Clock(
    monotonic_ns=lambda: 0
)  # who failed waits for the next uploader, however slow the machine is


class Store(msgspec.Struct, frozen=True):
    """A served folder: `remote` with `environment` is where to upload to, `disk` where that lies here."""

    remote: str
    disk: Path
    environment: Mapping[str, str]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def s3_environment(port: int) -> dict[str, str]:
    return {
        **PLAIN,
        "RCLONE_CONFIG_S_TYPE": "s3",
        "RCLONE_CONFIG_S_PROVIDER": "Rclone",
        "RCLONE_CONFIG_S_ENDPOINT": f"http://127.0.0.1:{port}",
        "RCLONE_CONFIG_S_ACCESS_KEY_ID": KEY,
        "RCLONE_CONFIG_S_SECRET_ACCESS_KEY": SECRET,
    }


def webdav_environment(port: int) -> dict[str, str]:
    return {
        **PLAIN,
        "RCLONE_CONFIG_W_TYPE": "webdav",
        "RCLONE_CONFIG_W_URL": f"http://127.0.0.1:{port}",
    }


class Stores:
    """The servers of a test module, both serving one folder; each store is a folder of its own in it."""

    def __init__(self, folder: Path, s3_port: int, webdav_port: int) -> None:
        self._folder, self._s3_port, self._webdav_port = folder, s3_port, webdav_port
        self._made = 0

    def store(self, kind: str) -> Store:
        self._made += 1
        name = f"the {kind} store é {self._made}"
        disk = self._folder / "bucket" / name
        if kind == "s3":
            return Store(f"S:bucket/{name}", disk, s3_environment(self._s3_port))
        if kind == "webdav":
            return Store(f"W:bucket/{name}", disk, webdav_environment(self._webdav_port))
        return Store(str(disk), disk, PLAIN)


@contextmanager
def served_stores(folder: Path) -> Iterator[Stores]:
    """An S3 and a WebDAV server until the end of the block."""
    (folder / "bucket").mkdir(parents=True)
    ports = free_port(), free_port()
    with served("s3", folder, ports[0]), served("webdav", folder, ports[1]):
        yield Stores(folder, *ports)


@contextmanager
def served(kind: str, folder: Path, port: int) -> Iterator[None]:
    """Serve a folder until the end of the block; kind is `s3` or `webdav`."""
    command = [RCLONE, "serve", kind, "--addr", f"127.0.0.1:{port}", "--dir-cache-time", "50ms", str(folder)]
    command += ["--auth-key", f"{KEY},{SECRET}"] if kind == "s3" else []
    environment = {**os.environ, "RCLONE_CONFIG": "/dev/null", "GOMAXPROCS": "1"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: _answers(port), what=f"a {kind} server")
            yield
        finally:
            process.kill()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class Meddling(Rclone):
    """Lets a test at the store between the upload and the reading back."""

    meddle: Callable[[], None] | None = None

    def hashes(self, paths: Sequence[str], size: int) -> Hashes:
        if self.meddle is not None and paths and not paths[0].rpartition("/")[2].startswith("."):
            self.meddle()
        return super().hashes(paths, size)


class Uploading:
    """The uploads of a data root to a store, in this process, with everything that was told."""

    def __init__(
        self,
        root: Path,
        store: Store,
        *,
        clean_up: bool = False,
        retention: Retention = NOTHING_GOES,
        verify: Proof = "read_back",
        rclone: str = RCLONE,
        limit_s: float = LIMIT_S,
    ) -> None:
        self.events: list[UploadEvent] = []
        self.root = root
        self.remote = Meddling(
            rclone, store.remote, environment={**os.environ, **store.environment}, limit_s=limit_s
        )
        self.uploads = Uploads(
            root,
            self.remote,
            verify=verify,
            clean_up=clean_up,
            retention=retention,
            tell=self.events.append,
            clock=STANDING,
        )

    def run(self) -> str:
        return self.uploads.run_pass()

    def paths(self, kind: str) -> list[str]:
        return [event.path for event in self.events if event.kind == kind]

    def words(self, kind: str) -> str:
        return " | ".join(event.words for event in self.events if event.kind == kind)

    @property
    def alarms(self) -> tuple[str, ...]:
        assert self.uploads.figures is not None
        return self.uploads.figures.alarms
