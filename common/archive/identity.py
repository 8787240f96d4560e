"""The identity of a data root: one small file that says which data root it is, and what it may hold."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from common.core.format_version import refuse_newer
from common.core.market import Exchange
from common.errors import ArchiveError
from common.files import DISK, Disk, write_atomically

IDENTITY_FILE = "identity.json"
IDENTITY_FORMAT = 1
_REMEDY = "the next recording keeps it aside and makes a new one"


class DataRootIdentity(msgspec.Struct, frozen=True):
    """Written by the first recording, never changed. `data_root_id` is random: a copy has it too, another root not."""

    format_version: Annotated[int, Meta(ge=1)]
    data_root_id: Annotated[str, Meta(min_length=1)]
    exchange: Exchange
    created_at_utc: str
    program_version: str = ""


class DamagedIdentityError(ArchiveError):
    """The identity file gives no identity: it is all zeros after a power cut, for example, or on a bad block."""


def read_identity(data_root: Path) -> DataRootIdentity | None:
    """The identity of a data root, None where it has none yet.

    Raises DamagedIdentityError, and ConfigError where a newer version wrote it.
    """
    path = data_root / IDENTITY_FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DamagedIdentityError(f"{path}: cannot be read ({error.strerror}); {_REMEDY}") from error
    try:
        refuse_newer(data, known=IDENTITY_FORMAT, what=str(path))
        return msgspec.json.decode(data, type=DataRootIdentity)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedIdentityError(f"{path}: is damaged ({error}); {_REMEDY}") from error


def write_identity(data_root: Path, identity: DataRootIdentity, disk: Disk = DISK) -> None:
    """Put the identity in place, durably. Raises OSError."""
    text = msgspec.json.format(msgspec.json.encode(identity), indent=1) + b"\n"
    write_atomically(data_root / IDENTITY_FILE, text, disk=disk)
