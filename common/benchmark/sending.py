"""The benchmark's handle on a generator process."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from common.benchmark.generator import Order, Ready, Sent
from common.errors import RecorderError

T = TypeVar("T", bound=msgspec.Struct)


class Sending:
    """A generator that waits for one connection; `sent` counts the messages so far, the opening included."""

    def __init__(self, load: Path, *, certificate: Path | None = None) -> None:
        command = [sys.executable, "-P", "-m", "common.benchmark.generator", "--load", str(load)]
        if certificate is not None:
            command += ["--certificate", str(certificate)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        scheme = "ws" if certificate is None else "wss"
        host = "127.0.0.1" if certificate is None else "localhost"
        self.url = f"{scheme}://{host}:{self._hear(Ready).port}/ws/market"
        self.sent = 0

    def wait_for_subscription(self) -> None:
        """Until the contestant has subscribed and got its opening books."""
        self.sent += self._hear(Sent).messages

    def send(self, rate: float, seconds: float) -> Sent:
        """Send for so long, `rate` messages a second; as many as are taken with rate 0."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(Order(rate, seconds)) + b"\n")
        self._process.stdin.flush()
        sent = self._hear(Sent)
        self.sent += sent.messages
        return sent

    def _hear(self, kind: type[T]) -> T:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RecorderError("the benchmark's generator ended: nobody took what it sent")
        return msgspec.json.decode(line, type=kind)

    def hang_up(self) -> None:
        """Close the connection in order."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
