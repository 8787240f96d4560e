"""What rclone says while it works: JSON lines, each about one file or about all."""

import re
from collections.abc import Collection
from email.utils import parsedate_to_datetime

import msgspec

IMMUTABLE = "immutable file modified"
LONGEST_CAUSE, LONGEST_WORDS = 60, 400
HOPELESS = 5  # failures in a row
LONGEST_RETRY_AFTER_S = 3600.0  # whatever the store says, it is looked at once an hour
_RETRY_AFTER = re.compile(r"^Retry-After: (.+?)\r?$", re.IGNORECASE | re.MULTILINE)
_COPIED = "Copied (new)"
_BAD = {"error", "critical"}


class _Line(msgspec.Struct):
    level: str = ""
    msg: str = ""
    object: str = ""


class Told(msgspec.Struct, frozen=True):
    """Sorted: why each file `failed`, which of these are there with other bytes, which were `copied` just now.

    `words` are about all of them, the last ones of their kind.
    """

    failed: dict[str, str]
    conflicts: set[str]
    copied: set[str]
    words: str


_DECODER = msgspec.json.Decoder(_Line)


def read_log(text: bytes, paths: Collection[str]) -> Told:
    """Sort the lines of a call about `paths`; what is not a JSON line is taken as text."""
    told = Told({}, set(), set(), "")
    asked, words = set(paths), ""
    for raw in text.split(b"\n"):
        try:
            line = _DECODER.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            words = raw.decode(errors="replace").strip() or words
            continue
        if line.object in asked and line.level in _BAD:
            told.failed[line.object] = _plain(line.msg)
            if IMMUTABLE in line.msg:
                told.conflicts.add(line.object)
        elif line.object in asked and _COPIED in line.msg:
            told.copied.add(line.object)
        elif line.level in _BAD or (line.level == "notice" and line.msg.startswith("Failed to")):
            words = _plain(line.msg)
    return msgspec.structs.replace(told, words=words)


class Patience:
    """Ends a call in which so many files in a row fail that it is the remote, which takes seconds for each."""

    def __init__(self, paths: Collection[str]) -> None:
        self._asked = set(paths)
        self._in_a_row = 0

    def is_over(self, raw: bytes) -> bool:
        """Take one line of the log."""
        told = read_log(raw, self._asked)
        if told.copied or told.conflicts:
            self._in_a_row = 0
        elif told.failed:
            self._in_a_row += 1
        return self._in_a_row >= HOPELESS


def retry_after_s(headers: str, now_s: float) -> float:
    """The longest wait that an answer's headers ask for, in seconds from `now_s` (since 1970); 0 for none."""
    waits = [0.0]
    for text in _RETRY_AFTER.findall(headers):
        try:
            waits.append(float(text) if text.isdigit() else parsedate_to_datetime(text).timestamp() - now_s)
        except ValueError:
            continue  # neither seconds nor a date
    return min(max(waits), LONGEST_RETRY_AFTER_S)


def _plain(message: str) -> str:
    """One line of at most some hundred characters; the cause, which stands at the end, goes first."""
    line = " ".join(message.split())
    steps, _, cause = line.rpartition(": ")
    if steps and len(cause) <= LONGEST_CAUSE:
        line = f"{cause} ({steps})"
    return line if len(line) <= LONGEST_WORDS else f"{line[: LONGEST_WORDS - 3]}..."
