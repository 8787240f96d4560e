"""Who may read what is closed: the owner alone, or the group too (`paths.readable_by`)."""

import os
from pathlib import Path

from common.config import PathSettings
from common.core.rows.names import LEDGER_FOLDER, RUNTIME_FOLDER, SAMPLE_FOLDER
from common.core.uploads.record import UPLOADS_FOLDER
from common.files import DISK

GROUP_UMASK = 0o027
_FOLDERS = (RUNTIME_FOLDER, SAMPLE_FOLDER, LEDGER_FOLDER, UPLOADS_FOLDER, "manifests", "discovery")


def admit_readers(paths: PathSettings) -> None:
    """Let this process's complete files be read as the settings say. Files that are there already stay as they are."""
    DISK.group_reads = paths.readable_by == "group"
    if DISK.group_reads:
        os.umask(GROUP_UMASK)


def open_folders(paths: PathSettings) -> None:
    """Let the group enter the folders of a data root that are there already, if it is to read. Raises OSError."""
    admit_readers(paths)
    data_root = Path(paths.data_root)
    if not (DISK.group_reads and data_root.is_dir()):
        return
    tops = {data_root / part for name in _FOLDERS for part in (name, *map(str, Path(name).parents))}
    for top in sorted(each for each in tops if each.is_dir()):
        DISK.let_group_in(top)
    for name in _FOLDERS:
        for folder, _, _ in os.walk(data_root / name):
            DISK.let_group_in(Path(folder))
