"""Whether a remote's own word about a hash is worth anything: only where the store itself computes it.

The md5 of an object that went to S3 in several parts is the uploader's own claim, as is one behind a wrapper.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from common.errors import RemoteError
from common.remote.program import answer

ONE_PIECE_BYTES = 200 << 20  # a larger file goes to S3 in parts
ONE_PIECE = ("--s3-upload-cutoff", f"{ONE_PIECE_BYTES}B")  # beats every configuration, so that this is known
_COMPUTING = frozenset({"local", "sftp", "s3", "google cloud storage", "drive"})
_ENCRYPTED = re.compile(r"server_side_encryption|sse_", re.IGNORECASE)  # its ETag is not an md5 then


class _Listed(msgspec.Struct):
    name: str
    type: str


def store_computes_md5(program: Path, environment: Mapping[str, str], remote: str) -> bool:
    """Whether files of one piece have an md5 there that the store made of their bytes; False in any doubt."""
    head, colon, _ = remote.removeprefix(":").partition(":")
    if remote.startswith("/") or not colon:
        return True  # a folder: it is read for that
    if remote.startswith(":"):
        return head in _COMPUTING
    if any(_ENCRYPTED.search(name) for name, value in environment.items() if value and "RCLONE" in name):
        return False
    try:
        listed = msgspec.json.decode(
            answer(program, environment, "listremotes", "--long", "--json"), type=list[_Listed]
        )
        kinds = {each.type for each in listed if each.name.lower() == head.lower()}
        if not kinds or not kinds <= _COMPUTING:
            return False
        return not _ENCRYPTED.search(answer(program, environment, "config", "redacted", head))
    except (RemoteError, msgspec.DecodeError):
        return False
