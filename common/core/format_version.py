"""Formats of files have versions: an older one is read as what it is, a newer one is refused with a reason."""

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
    words = newer_words("format_version", found.format_version, known, found.program_version)
    return f"{what}: {words}: go on with the version that wrote it, or a newer one"


def newer_words(field: str, version: int, known: int, program_version: str) -> str:
    """What is to be said of a document whose `field` states a version above the one that is known."""
    wrote = f"version {program_version}" if program_version else "a newer version"
    return (
        f"its {field} is {version}, as {wrote} of this program writes it, and this one, version {__version__},"
        f" knows {known} at most"
    )


def refuse_newer(document: bytes, *, known: int, what: str) -> None:
    """Raises ConfigError for a JSON document above the version that is known. One that cannot be read passes."""
    if reason := newer_than_known(document, known=known, what=what):
        raise ConfigError(reason)
