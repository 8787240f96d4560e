"""An interrupted test run leaves no process behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from common.drill.live import alive
from tests.end_to_end.running import ROOT
from tests.waiting import wait_for

HANGING_TEST = """
import subprocess, sys, time
from pathlib import Path

def test_hangs():
    sleeping = "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(600)"
    starting = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {sleeping!r}], start_new_session=True)"
    subprocess.run([sys.executable, "-c", starting])
"""


def test_what_the_processes_of_a_test_started_ends_with_the_interrupted_run(tmp_path: Path) -> None:
    (tmp_path / "test_hanging.py").write_text(HANGING_TEST)
    pid_file = tmp_path / "pid"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.leftovers", "-n", "1", "test_hanging.py"]
    with subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL
    ) as run:
        text = wait_for(lambda: pid_file.exists() and pid_file.read_text(), what="the process to run")
        run.send_signal(signal.SIGINT)
        assert run.wait(120) == 2
    assert not alive(int(text))
