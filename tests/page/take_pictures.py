"""Records a simulated exchange, looks at the page with headless Chromium, and keeps a picture of each panel.

Run by hand, with Chromium installed: `python -m tests.page.take_pictures FOLDER`. Fails on any console error, and on
any request that leaves the machine.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

from tests.page.browser import Browser, browsing

ROOT = Path(__file__).parents[2]
PANELS = ("now", "markets", "storage", "calendar", "book")
PHONE = 390


def main() -> int:
    """Record, look, stop; 1 if the browser complained."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--browser", default="chromium")
    parser.add_argument("--record-seconds", type=float, default=60)
    namespace = parser.parse_args()
    namespace.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        base = f"http://127.0.0.1:{port}"
        recorder = _start(Path(data), port)
        try:
            _wait_until_ready(base)
            time.sleep(namespace.record_seconds)
            with browsing(base, namespace.browser) as browser:
                _look(browser, namespace.folder)
        finally:
            recorder.send_signal(signal.SIGTERM)
            recorder.wait()
    print("\n".join(browser.complaints) or f"pictures in {namespace.folder}, no complaint")
    return 1 if browser.complaints else 0


def _start(data: Path, port: int) -> "subprocess.Popen[bytes]":
    settings = {"MANIFEST__HTTP_PORT": str(port), "WRITER__ROTATION_INTERVAL_SECONDS": "20"}
    environment = {f"RECORDER__{name}": value for name, value in settings.items()}
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "procs.commands.run_recorder",
            "--exchange",
            "simulated",
            "--data-root",
            data / "d",
        ],
        cwd=ROOT,
        env={**os.environ, **environment},
        stderr=(data / "log").open("wb"),
    )


def _wait_until_ready(base: str) -> None:
    end_s = time.monotonic() + 120
    while time.monotonic() < end_s:
        try:
            if requests.get(f"{base}/readyz", timeout=10).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.5)
    raise TimeoutError("the recorder is not ready")


def _look(browser: Browser, folder: Path) -> None:
    for name, width, dark in (("light", 1200, False), ("dark", 1200, True), ("phone", PHONE, False)):
        browser.open("/", width=width, dark=dark)
        browser.wait_for("document.querySelectorAll('#now svg').length > 1", "the page to be filled")
        browser.wait_for("document.querySelectorAll('#markets tbody tr').length", "markets to be listed")
        browser.picture(folder / f"page-{name}.png")
        if browser.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            browser.complaints.append(f"{name}: the page is wider than its window")
    browser.open("/")
    browser.wait_for("document.querySelectorAll('#now svg').length > 1", "the page to be filled")
    for panel in PANELS:
        browser.picture(folder / f"{panel}.png", selector=f"#{panel}")


if __name__ == "__main__":
    sys.exit(main())
