"""A data root belongs to one exchange: the first recording writes down which, and every later one is held to it."""

import logging
import secrets
from pathlib import Path

import msgspec

from common.archive.exchange_held import exchange_held
from common.archive.identity import (
    IDENTITY_FILE,
    IDENTITY_FORMAT,
    DamagedIdentityError,
    DataRootIdentity,
    read_identity,
    write_identity,
)
from common.core.instants import compact_utc_text, utc_text
from common.core.market import Exchange
from common.errors import ArchiveError, ConfigError
from common.version import PROGRAM_VERSION

log = logging.getLogger(__name__)


class Claim(msgspec.Struct, frozen=True):
    """A data root as a run takes it. `fresh`: its identity was made just now, for it had none that can be read."""

    identity: DataRootIdentity
    fresh: bool


def claim_data_root(
    data_root: Path,
    exchange: Exchange,
    now_ns: int,
    *,
    waiting: Exchange | None = None,
    waiting_id: str = "",
) -> Claim:
    """Hold a run to the identity of its data root, which is given one if it has none. The caller holds its lock.

    `waiting` is the exchange of what a spool still has to be archived here, `waiting_id` the id of the data root that
    it is for: a data root that was emptied, or restored without its identity, has that id again. A damaged identity
    file is kept beside a new one, made from what the archives show: a recorder must start again unattended. Raises
    ConfigError where the data root is of another exchange or a newer version, ArchiveError where the identity cannot be
    written.
    """
    identity = _known(data_root, now_ns)
    held = identity.exchange if identity is not None else exchange_held(data_root) or waiting
    refuse_other_exchange(data_root, held, exchange)
    if identity is not None:
        return Claim(identity, fresh=False)
    identity = DataRootIdentity(
        IDENTITY_FORMAT, waiting_id or secrets.token_hex(16), exchange, utc_text(now_ns), PROGRAM_VERSION
    )
    try:
        write_identity(data_root, identity)
    except OSError as error:
        raise ArchiveError(
            f"{data_root / IDENTITY_FILE}: cannot be written ({error.strerror}); make {data_root} writable,"
            " or choose another --data-root"
        ) from error
    log.info("data root has an identity now", extra=msgspec.structs.asdict(identity))
    return Claim(identity, fresh=True)


def data_root_id(data_root: Path) -> str:
    """The id of a data root, empty where it has none that can be read. Raises ConfigError."""
    try:
        identity = read_identity(data_root)
    except DamagedIdentityError:
        return ""
    return identity.data_root_id if identity is not None else ""


def exchange_of_data_root(data_root: Path) -> Exchange | None:
    """The exchange that a data root belongs to, None while nothing was recorded in it. Writes nothing.

    Raises ConfigError where a newer version wrote its identity.
    """
    try:
        identity = read_identity(data_root)
    except DamagedIdentityError:
        identity = None
    return identity.exchange if identity is not None else exchange_held(data_root)


def refuse_other_exchange(data_root: Path, held: Exchange | None, exchange: Exchange) -> None:
    """Raises ConfigError where the data root holds recordings of the other exchange."""
    if held is None or held == exchange:
        return
    come = (
        "this run would record simulated data"
        if exchange == "simulated"
        else "this run would record live data"
    )
    raise ConfigError(
        f"paths.data_root: {data_root} holds {held} data and {come}: choose another --data-root, one for each kind"
    )


def _known(data_root: Path, now_ns: int) -> DataRootIdentity | None:
    try:
        return read_identity(data_root)
    except DamagedIdentityError as error:
        aside = data_root / f"{IDENTITY_FILE}.damaged-{compact_utc_text(now_ns)}"
        try:
            (data_root / IDENTITY_FILE).rename(aside)
        except OSError as failure:
            raise ArchiveError(f"{error}; it cannot be set aside ({failure.strerror})") from failure
        log.warning("identity file set aside", extra={"reason": str(error), "kept_as": str(aside)})
        return None
