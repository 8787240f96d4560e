"""Which process ids are alive, and which of them are a recorder's."""

import psutil


def alive(pid: int) -> bool:
    """Whether a process of this id runs; one that only waits to be reaped does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_ours(pid: int) -> bool:
    """Whether the number still belongs to a process of a recorder, and was not given to a stranger."""
    try:
        return any(word.startswith("procs.") for word in psutil.Process(pid).cmdline())
    except psutil.NoSuchProcess:
        return False
