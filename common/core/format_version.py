"""Formats of files have versions: an older one is read as what it is, a newer one is refused in words."""

import msgspec

from common.errors import ConfigError


class _Versioned(msgspec.Struct):
    format_version: int = 1  # absent: written before there was more than one


def refuse_newer(document: bytes, *, known: int, what: str) -> None:
    """Raises ConfigError for a JSON document above the version that is known. One that cannot be read passes."""
    try:
        version = msgspec.json.decode(document, type=_Versioned).format_version
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    if version > known:
        raise ConfigError(
            f"{what}: its format_version is {version}, and this program knows {known} at most:"
            " go on with the newer version that wrote it"
        )
