"""Headless Chromium over its debugging protocol, for `take_pictures` and the tests that drive the page."""

import base64
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket

STARTED = "DevTools listening on "
WAIT_S = 120.0
TRIES = 5  # to take a picture of something that moves
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")


class Browser:
    """One tab. `complaints` are console errors, exceptions, and requests that leave `base`."""

    def __init__(self, url: str, base: str) -> None:
        self._socket = websocket.create_connection(url, timeout=WAIT_S, suppress_origin=True)
        self._numbers = itertools.count(1)
        self._base, self._session = base, ""
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Emulation.setScrollbarsHidden", hidden=True)
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """A command and its result; events that come meanwhile are looked through."""
        number = next(self._numbers)
        request = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps({**request, **({"sessionId": self._session} if self._session else {})}))
        while True:
            answer: dict[str, Any] = json.loads(self._socket.recv())
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer.get("method", ""), answer.get("params", {}))

    def _note(self, method: str, told: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["exceptionDetails"])[:600])
        elif method == "Runtime.consoleAPICalled" and told["type"] in {"error", "warning"}:
            self.complaints.append(json.dumps(told["args"])[:600])
        elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
        elif method == "Network.requestWillBeSent":
            url: str = told["request"]["url"]
            if not url.startswith((self._base, "data:", "about:")):
                self.complaints.append(f"a request leaves the machine: {url}")

    def close(self) -> None:
        """Hang up; the browser goes on."""
        self._socket.close()

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - whatever the expression is
        """The value of a JavaScript expression; promises are awaited."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return told["result"].get("value")

    def open(self, path: str, *, width: int = 1200, height: int = 900, dark: bool = False) -> None:
        """Go to a page at a size, in light or in dark."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.call("Page.navigate", url=self._base + path)

    def wait_for(self, expression: str, what: str) -> None:
        """Until an expression is true."""
        end_s = time.monotonic() + WAIT_S
        while not self.evaluate(f"Boolean({expression})"):
            if time.monotonic() > end_s:
                raise TimeoutError(f"{what}; {self.complaints}")
            time.sleep(0.2)

    def picture(self, path: Path, *, selector: str = "", height: int | None = None) -> None:
        """The whole page, or one element of it, as PNG; of a page no more than `height`."""
        self.evaluate("window.scrollTo(0, 0)")
        for _ in range(TRIES):
            box = self._box(selector or "html")
            clip = {**box, "height": min(box["height"], height or box["height"]), "scale": 1}
            told = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
            if self._box(selector or "html") == box:  # else the page moved meanwhile
                break
        path.write_bytes(base64.b64decode(told["data"]))

    def _box(self, selector: str) -> dict[str, float]:
        target = f"document.querySelector({json.dumps(selector)}).getBoundingClientRect()"
        box: dict[str, float] = self.evaluate(
            f"(({{x, y, width, height}}) => ({{x, y, width, height}}))({target})"
        )
        return box


def chromium() -> str | None:
    """The browser of this machine, None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def browsing(base: str, program: str) -> Iterator[Browser]:
    """A browser of its own, with a profile that is thrown away."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-port=0",
            "--no-first-run",
        )
        command = [
            program,
            *options,
            "--disable-background-networking",
            f"--user-data-dir={profile}",
            "about:blank",
        ]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert process.stderr is not None
                line = next(line for line in process.stderr if STARTED in line)
                browser = Browser(line.partition(STARTED)[2].strip(), base)
                try:
                    yield browser
                finally:
                    browser.close()
            finally:
                process.terminate()
