import subprocess
import sys
from pathlib import Path

import pytest

from common.runtime.command_line.embedded_exchange import ROOT
from common.runtime.machine.disk_room import room_of

ASK = """
import sys
from pathlib import Path
from common.core.status.rooms import file_warnings, spool_warnings
from common.runtime.machine.disk_room import room_of
room = room_of(Path(sys.argv[1]))
print(*spool_warnings(room, "here"), *file_warnings(room, "here"), sep="\\n")
"""


def test_a_small_file_system_is_told_of_by_its_bytes_and_its_files(tmp_path: Path) -> None:
    mount = 'mount -t tmpfs -o size=64m,nr_inodes=300 none "$0" || exit 99; exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", mount, str(tmp_path), sys.executable, "-c", ASK, str(tmp_path)]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    if asked.returncode in {1, 99}:
        pytest.skip(f"a private mount is not permitted here: {asked.stderr}")
    spool, files = asked.stdout.splitlines()
    assert "has 64.0 MiB free of 64.0 MiB" in spool
    assert "takes only 299 more files" in files


def test_what_is_not_there_has_no_room(tmp_path: Path) -> None:
    assert room_of(tmp_path / "gone") is None
    assert room_of(tmp_path) is not None
