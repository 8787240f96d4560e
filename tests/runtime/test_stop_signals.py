"""What a hangup means depends on who started the recorder; other signals are counted."""

import os
import pty
import signal
import subprocess
import sys

import pytest

PROGRAM = """
import signal, sys, time
from common.runtime.stop_signals import StopSignals
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may ignore it
signals = StopSignals()
print("ready", flush=True)
for line in sys.stdin if sys.argv[1] == "pipe" else iter(lambda: time.sleep(0.01) or "x", ""):
    if sys.argv[1] == "pipe" or signals.count:
        print(signals.count, flush=True)
        if sys.argv[1] == "terminal":
            break
"""


def counted_after(*sent: int) -> str:
    """What a service counts: one whose standard streams are pipes."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "pipe"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for number in sent:
            process.send_signal(number)
        process.stdin.write("\n")
        process.stdin.flush()
        count = process.stdout.readline().strip()
        process.stdin.close()
    return count


@pytest.mark.parametrize(
    ("sent", "count"),
    [
        ((signal.SIGTERM,), "1"),
        ((signal.SIGHUP,), "0"),
        ((signal.SIGHUP, signal.SIGTERM, signal.SIGINT), "2"),
    ],
)
def test_a_service_is_not_ended_by_a_hangup(sent: tuple[int, ...], count: str) -> None:
    assert counted_after(*sent) == count


def test_at_a_terminal_a_hangup_asks_once_to_stop() -> None:
    main, side = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "terminal"],
        stdin=side,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        os.close(side)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "1\n"
    os.close(main)
