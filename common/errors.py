"""The errors that cross module borders, and the exit codes of the commands."""

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NEEDS_REVIEW = 3
EXIT_BAD_CONFIG = 78  # EX_CONFIG of sysexits.h: a restart cannot help


class RecorderError(Exception):
    """Something a user can act on: its text names the file, key, field or host, and what to do next."""

    exit_code = EXIT_FAILED


class ConfigError(RecorderError):
    """The configuration is refused; nothing was started."""

    exit_code = EXIT_BAD_CONFIG


class DiscoveryError(RecorderError):
    """No usable set of markets: Gamma did not answer, or the discovery file is missing or garbled."""


class ExchangeError(RecorderError):
    """The exchange refused, did not answer in time, or answered what cannot be used."""


class ArchiveError(RecorderError):
    """An archive, sidecar or journal on disk does not hold what it must."""


class OrphanError(RecorderError):
    """A process outlived its supervisor and could not finish alone; the next run drains what it left."""


class AlreadyRunningError(RecorderError):
    """Another live process holds the lock on a data root, a lane or an outbox."""


class SupersededError(RecorderError):
    """An outbox is older than the archives that hold its rows: its next owner begins a new one."""


class RemoteError(RecorderError):
    """The remote, or rclone on the way to it, did not do what it was asked to."""
