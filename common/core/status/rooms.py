"""What an operator should hear of file systems before they are full: the spool's small one, and files that run out."""

from collections.abc import Iterator

from common.core.status.disk_outlook import Room
from common.core.terminal.text import size_text

MIB = 1024 * 1024
SPOOL_LEAST_BYTES = 128 * MIB
MINUTE_BYTES = 16 * MIB  # of the Bitcoin markets, where no writer takes them
LEAST_FILES = 2000  # an hour makes some tens of them: archives, sidecars, ledgers, records, folders


def spool_warnings(spool: Room | None, place: str) -> Iterator[str]:
    """`spool` is the room of the run's folder, at `place`. As with the 64 MB that Docker gives /dev/shm."""
    if spool is not None and spool.free_bytes < SPOOL_LEAST_BYTES:
        minutes = spool.free_bytes // MINUTE_BYTES
        yield (
            f"little room for the spool: the file system of {place} has {size_text(spool.free_bytes)} free of"
            f" {size_text(spool.total_bytes)}, about {minutes} min of the Bitcoin markets without a writer; what does"
            " not fit is lost and declared: give it 1 GiB (docker run --shm-size=1g) or set paths.run_dir"
        )


def file_warnings(data: Room | None, place: str) -> Iterator[str]:
    """`data` is the room of the data root. Inodes can be used up while bytes are free."""
    if data is not None and data.free_files is not None and data.free_files < LEAST_FILES:
        yield (
            f"few files left: the file system of {place} takes only {data.free_files:,} more files (inodes), though"
            f" {size_text(data.free_bytes)} are free: then no archive can be begun or closed; delete small files or"
            " make the file system with more inodes"
        )
