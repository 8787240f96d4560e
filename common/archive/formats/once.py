"""An hour of an export, made once: who comes again finds it, or is told that it was made otherwise."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from common.archive.formats.account import (
    SCHEMA_VERSION,
    HourAccount,
    TokenAccount,
    read_account,
    write_account,
)
from common.archive.formats.output import NamedFile
from common.archive.formats.sources import HOUR_NS, Sources
from common.core.formats.moments import Gaps
from common.core.instants import utc_text
from common.core.market import Exchange
from common.core.rows.origin import LegChoice
from common.errors import ArchiveError
from common.files import DISK
from common.locks import FileLock
from common.version import PROGRAM_VERSION


class HourWanted(msgspec.Struct, frozen=True):
    """What of an hour to export, and how."""

    hour_ns: int
    gaps: Gaps
    markets: tuple[str, ...] = ()
    leg: LegChoice = "merged"
    clock_error_ms: float | None = None
    replace: bool = False


class HourDone(msgspec.Struct, frozen=True):
    """An hour that is there: made now, or found as it would be made."""

    account: HourAccount
    made: bool


class Made(msgspec.Struct, frozen=True):
    """What was just written of an hour, for its account."""

    exchange: Exchange | None
    rows_read: int
    files: Sequence[NamedFile]
    notes: Sequence[str]
    tokens: tuple[TokenAccount, ...] = ()
    declared_gaps: Sequence[dict[str, Any]] = ()


def export_once(
    sources: Sources, output: Path, name: str, wanted: HourWanted, make: Callable[[], Made]
) -> HourDone:
    """Have the files of an hour made, and its account; leave it alone where it is there and would be the same.

    Raises ArchiveError where it is there and was made otherwise, unless it is to be replaced; AlreadyRunningError
    where another export writes the same hour; OSError.
    """
    with _locked(output, wanted.hour_ns):
        digest = sources.digest(wanted.hour_ns)
        earlier = _earlier(output, name, wanted, digest)
        if earlier is not None and not wanted.replace:
            return HourDone(earlier, made=False)
        account = _account(name, wanted, digest, make())
        if earlier is not None:
            for path in {file.path for file in earlier.files} - {file.path for file in account.files}:
                DISK.remove(output / path)
        write_account(output, wanted.hour_ns, account)
        return HourDone(account, made=True)


@contextmanager
def _locked(output: Path, hour_ns: int) -> Iterator[None]:
    output.mkdir(parents=True, exist_ok=True)
    name = utc_text(hour_ns)[:13]
    lock = FileLock(output / f".export-{name}.lock", f"the hour {name} in {output}")
    try:
        yield
    finally:
        lock.release()


def _earlier(output: Path, name: str, wanted: HourWanted, digest: str) -> HourAccount | None:
    earlier = read_account(output, wanted.hour_ns)
    if earlier is None or wanted.replace or _is_same(earlier, name, wanted, digest):
        return earlier
    raise ArchiveError(
        f"{output}: the hour {earlier.from_utc[:13]} was exported with other options or from other archives;"
        " say --replace, or choose another --output"
    )


def _is_same(earlier: HourAccount, name: str, wanted: HourWanted, digest: str) -> bool:
    there = (earlier.format, earlier.gaps, earlier.leg, earlier.markets, earlier.sources)
    return there == (name, wanted.gaps, wanted.leg, wanted.markets, digest)


def _account(name: str, wanted: HourWanted, digest: str, made: Made) -> HourAccount:
    return HourAccount(
        schema_version=SCHEMA_VERSION,
        program_version=PROGRAM_VERSION,
        format=name,
        from_utc=utc_text(wanted.hour_ns),
        to_utc=utc_text(wanted.hour_ns + HOUR_NS),
        exchange=made.exchange,
        gaps=wanted.gaps,
        leg=wanted.leg,
        markets=wanted.markets,
        sources=digest,
        rows_read=made.rows_read,
        files=tuple(made.files),
        tokens=made.tokens,
        declared_gaps=tuple(made.declared_gaps),
        notes=tuple(made.notes),
    )
