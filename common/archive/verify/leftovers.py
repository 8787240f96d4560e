"""Files of a data root that are not closed archives, and should not be there."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from common.archive.upload_records import was_uploaded
from common.core.rows.names import OPEN_SUFFIX, RUNTIME_FOLDER, SAMPLE_FOLDER, SIDECAR_SUFFIX
from common.core.verify.copy_edge import NO_ARCHIVE
from common.core.verify.sequences import Finding

SET_ASIDE_SUFFIXES = (".orphan", ".damaged")


def leftover_findings(data_root: Path, archives: Sequence[Path], *, live: bool) -> Iterator[Finding]:
    """Files that are not closed archives: a live recorder's own are none of our business."""
    closed = set(archives)
    for path in below_both(data_root, "*"):
        name = below(data_root, path)
        if path.name.endswith(SET_ASIDE_SUFFIXES):
            yield Finding("leftover", name, "was set aside by a recovery; bin/recover-archives salvages it")
        elif live:
            continue
        elif path.name.endswith(OPEN_SUFFIX):
            yield Finding("leftover", name, "was left open by a crash; bin/recover-archives closes it")
        elif path.name.endswith(".tmp"):
            yield Finding("leftover", name, "is the beginning of a file that a crash interrupted; delete it")
        elif path.name.endswith(SIDECAR_SUFFIX):
            archive = path.with_name(path.name.removesuffix(SIDECAR_SUFFIX))
            hidden = archive.with_name(f".{archive.name}{OPEN_SUFFIX}")
            if not (
                archive in closed or hidden.exists() or was_uploaded(data_root, below(data_root, archive))
            ):
                yield Finding("leftover", name, NO_ARCHIVE)


def below_both(data_root: Path, pattern: str) -> Iterator[Path]:
    """The paths of a pattern below the folders of runtime and samples."""
    for folder in (data_root / RUNTIME_FOLDER, data_root / SAMPLE_FOLDER):
        yield from sorted(folder.rglob(pattern))


def below(data_root: Path, path: Path) -> str:
    """A path as findings name it."""
    return path.relative_to(data_root).as_posix() if path.is_relative_to(data_root) else str(path)
