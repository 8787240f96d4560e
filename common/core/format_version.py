"""Formats of files have versions: an older one is read as what it is, a newer one is refused in words."""

import msgspec

from common import __version__
from common.errors import ConfigError


class _Versioned(msgspec.Struct):
    format_version: int = 1  # absent: written before there was more than one
    program_version: str = ""


def newer_than_known(document: bytes, *, known: int, what: str) -> str:
    """What is to be said of a JSON document above the version that is known; empty where it is not above it.

    A document that cannot be read is not above it: what it is, its reader has to say.
    """
    try:
        found = msgspec.json.decode(document, type=_Versioned)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    if found.format_version <= known:
        return ""
    wrote = f"version {found.program_version}" if found.program_version else "a newer version"
    return (
        f"{what}: its format_version is {found.format_version}, as {wrote} of this program writes it, and this one,"
        f" version {__version__}, knows {known} at most: go on with the version that wrote it, or a newer one"
    )


def refuse_newer(document: bytes, *, known: int, what: str) -> None:
    """Raises ConfigError for a JSON document above the version that is known. One that cannot be read passes."""
    if reason := newer_than_known(document, known=known, what=what):
        raise ConfigError(reason)
