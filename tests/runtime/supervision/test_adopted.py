"""Orphans that end in a container whose first process is the recorder leave no zombies."""

import subprocess
import sys

from tests.end_to_end.running import ROOT

SCRIPT = """
import ctypes, os, subprocess, sys, time
import psutil
from common.runtime.supervision.adopted import reap_adopted
PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
own = subprocess.Popen([sys.executable, '-c', 'raise SystemExit(5)'])
middle = subprocess.Popen(['sh', '-c', 'sleep 0 & exit 0'])
middle.wait()

def zombies():
    return [each.pid for each in psutil.Process().children() if each.status() == psutil.STATUS_ZOMBIE]

deadline = time.monotonic() + 60
while len(zombies()) < 2 and time.monotonic() < deadline:
    time.sleep(0.01)
assert reap_adopted([own.pid, None]) == 0, 'only process 1 looks'
assert reap_adopted([own.pid, None], adopts=True) == 1
assert zombies() == [own.pid]
assert own.wait() == 5, 'its code is for whoever started it'
"""


def test_orphans_are_reaped_and_own_children_left_to_those_who_wait_for_them() -> None:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
