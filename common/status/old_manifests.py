"""Run manifests of earlier runs: the newest stay, and all of the last month; nothing reads the others."""

import re
from collections.abc import Iterator
from pathlib import Path

from common.core.instants import NS_PER_SECOND, compact_utc_text
from common.files import DISK, Disk

MANIFEST_NAME = "polymarket_ws_recorder_{}.json"
LATEST_MANIFEST = f"manifests/{MANIFEST_NAME.format('latest')}"  # in a data root
KEPT_MANIFESTS = 100
KEPT_NS = 30 * 86_400 * NS_PER_SECOND
_OF_A_RUN = re.compile(r"polymarket_ws_recorder_([0-9]{8}T[0-9]{6}Z)-[0-9a-f]+\.json")


def remove_old_manifests(folder: Path, now_ns: int, disk: Disk = DISK) -> int:
    """Remove run manifests beyond the newest KEPT_MANIFESTS whose run began more than KEPT_NS ago; gives how many.

    What is not named like one stays. Raises OSError.
    """
    limit = compact_utc_text(now_ns - KEPT_NS)
    old = [path for begun, path in sorted(_manifests(folder), reverse=True)[KEPT_MANIFESTS:] if begun < limit]
    for path in old:
        disk.remove(path)
    return len(old)


def _manifests(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each with the time at which its run began, as its name states it."""
    for path in folder.glob(MANIFEST_NAME.format("*")):
        if (match := _OF_A_RUN.fullmatch(path.name)) is not None:
            yield match[1], path
