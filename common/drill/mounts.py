"""Small file systems of their own, seen by the recorder alone."""

import subprocess
from pathlib import Path

from common.drill.outcome import Inconclusive

_MOUNT = 'mount -t tmpfs -o size={size}m,nr_inodes={inodes},mode=0700 none "$0" || exit 99'
_RUN_AND_KEEP = '"$@"; code=$?; cp -a "$0/." "$0.kept"; exit $code'


def need_private_mounts(folder: Path) -> None:
    """Raises Inconclusive where this machine does not permit them."""
    place = folder / "mount"
    place.mkdir()
    if subprocess.run([*private_mount(8), str(place), "true"], check=False, capture_output=True).returncode:
        raise Inconclusive("a private mount is not permitted here (unshare -rm, mount -t tmpfs)")


def private_mount(mib: int, inodes: int = 0) -> list[str]:
    """Runs a command with a file system of its own at a folder; with 0 inodes it has as many as it wants."""
    return ["unshare", "-rm", "sh", "-c", f"{_MOUNT.format(size=mib, inodes=inodes)}; {_RUN_AND_KEEP}"]
