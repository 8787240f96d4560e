"""The discovery file: the truth about which markets are recorded, replaced as a whole or not at all."""

import contextlib
from pathlib import Path

import msgspec

from common.config import DiscoverySettings
from common.core.exchange_told import exchange_of
from common.core.format_version import newer_words
from common.core.market import DISCOVERY_SCHEMA_VERSION, DiscoveryFile, Exchange
from common.errors import DiscoveryError
from common.files import write_atomically

BITCOIN_FILE_NAME = "polymarket_btc_markets_latest.json"  # the documented name, as long as it is true
FILE_NAME = "polymarket_markets_latest.json"
_REMEDY = "run bin/discover-markets to write it again"


def discovery_path(data_root: Path, wanted: DiscoverySettings) -> Path:
    """Where the discovery file of a data root is, for what the settings select."""
    return data_root / "discovery" / (BITCOIN_FILE_NAME if wanted.wanted.is_bitcoin_only else FILE_NAME)


class _Stated(msgspec.Struct):
    exchange: str | None = None  # files of an older version do not state it
    source: str = ""


def read_discovery_file(path: Path, exchange: Exchange | None = None) -> DiscoveryFile:
    """The discovery file's content, which must be of this exchange if one is given.

    Raises DiscoveryError naming the file, what is wrong and what to run.
    """
    try:
        data = path.read_bytes()
        found = msgspec.json.decode(data, type=DiscoveryFile)
        stated = msgspec.json.decode(data, type=_Stated)
    except FileNotFoundError as error:
        raise DiscoveryError(f"{path}: there is not a discovery file; {_REMEDY}") from error
    except OSError as error:
        raise DiscoveryError(f"{path}: cannot be read ({error.strerror}); {_REMEDY}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DiscoveryError(f"{path}: is not a discovery file ({error}); {_REMEDY}") from error
    if found.schema_version > DISCOVERY_SCHEMA_VERSION:
        words = newer_words(
            "schema_version", found.schema_version, DISCOVERY_SCHEMA_VERSION, found.program_version
        )
        raise DiscoveryError(f"{path}: {words}; {_REMEDY}")
    found = msgspec.structs.replace(found, exchange=exchange_of(stated.exchange, stated.source))
    if exchange not in {None, found.exchange}:
        raise DiscoveryError(
            f"{path}: names markets of {found.source}, which is {found.exchange}, and {exchange} data is recorded;"
            f" {_REMEDY}"
        )
    return found


def latest_discovery(data_root: Path) -> DiscoveryFile | None:
    """The newest discovery of a data root, whatever was selected; None without a readable one."""
    found = []
    for name in (BITCOIN_FILE_NAME, FILE_NAME):
        with contextlib.suppress(DiscoveryError):
            found.append(read_discovery_file(data_root / "discovery" / name))
    return max(found, key=lambda each: each.discovered_at_utc, default=None)


def write_discovery_file(path: Path, content: DiscoveryFile) -> None:
    """Replace the file atomically and durably. Raises DiscoveryError; the old file then stands untouched."""
    data = msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
    try:
        write_atomically(path, data)
    except OSError as error:
        raise DiscoveryError(f"{path}: cannot be written ({error.strerror}); check --data-root") from error
