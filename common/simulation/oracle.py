"""The exchange's own account of every frame that it sent, and the comparison with what was recorded.

One file a connection, `connection-<n>.jsonl`: first a line of facts (`number, cf_ray, opened_at_ns`), then
a line a frame (`n, sent_at_ns, opcode`, and `text`, or `base64` when it is not UTF-8), last `closed` (ns
since the epoch) and `how`.
A frame is in it when it was written to a live transport. Control frames are not.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path

import msgspec

from common.errors import RecorderError

CF_RAY = "simulated-"
ENDS_WITHOUT_LOSS = ("client closed", "server closed", "cut", "idle")


class FrameLine(msgspec.Struct):
    """A line of the account, whichever of the three kinds."""

    n: int = 0
    sent_at_ns: int = 0
    text: str | None = None
    base64: str | None = None
    number: int = 0
    cf_ray: str = ""
    opened_at_ns: int = 0
    closed: int = 0
    how: str = ""


def frame_fields(opcode: int, payload: bytes) -> bytes:
    """The part of a frame's line that does not change between connections."""
    try:
        shown = b'"text":' + msgspec.json.encode(payload.decode())
    except UnicodeDecodeError:
        shown = b'"base64":"' + base64.b64encode(payload) + b'"'
    return b',"opcode":%d,%s}\n' % (opcode, shown)


class OracleLog:
    """The account of one connection, being written; buffered until `flush`."""

    def __init__(self, folder: Path, number: int, opened_at_ns: int) -> None:
        self._file = (folder / f"connection-{number}.jsonl").open("xb", buffering=1 << 18)
        self._count = 0
        facts = {"number": number, "cf_ray": f"{CF_RAY}{number}", "opened_at_ns": opened_at_ns}
        self._file.write(msgspec.json.encode(facts) + b"\n")

    def sent(self, fields: Iterable[bytes], sent_at_ns: int) -> None:
        """Note frames that were handed to the socket at this instant, each by its `frame_fields`."""
        for field in fields:
            self._count += 1
            self._file.write(b'{"n":%d,"sent_at_ns":%d%s' % (self._count, sent_at_ns, field))

    def flush(self) -> None:
        """Let readers see it."""
        self._file.flush()

    def close(self, at_ns: int, how: str) -> None:
        """Write the last line."""
        self._file.write(msgspec.json.encode({"closed": at_ns, "how": how}) + b"\n")
        self._file.close()


def next_number(folder: Path) -> int:
    """The first number that the folder does not hold: an exchange started again goes on counting."""
    numbers = [int(path.stem.removeprefix("connection-")) for path in folder.glob("connection-*.jsonl")]
    return max(numbers, default=0) + 1


class OracleConnection(msgspec.Struct, frozen=True):
    """One connection of the account; its frames stay on disk until they are asked for."""

    path: Path
    number: int
    cf_ray: str
    opened_at_ns: int
    how: str

    @property
    def may_lack_a_tail(self) -> bool:
        """Whether the last frames may never have arrived: the line broke, or one side was killed."""
        return not self.how.startswith(ENDS_WITHOUT_LOSS)

    def frames(self) -> Iterator[bytes]:
        """The payloads in the order of sending."""
        return (payload for _, payload in self.timed_frames())

    def timed_frames(self) -> Iterator[tuple[int, bytes]]:
        """When each was handed to the socket (ns since the epoch), and the payload."""
        for line in _lines(self.path):
            if line.text is not None:
                yield line.sent_at_ns, line.text.encode()
            elif line.base64 is not None:
                yield line.sent_at_ns, base64.b64decode(line.base64)


def _lines(path: Path) -> Iterator[FrameLine]:
    decoder = msgspec.json.Decoder(FrameLine)
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):  # an exchange that was killed leaves a torn one
                yield decoder.decode(line)


def read_oracle(folder: Path) -> list[OracleConnection]:
    """The connections of an account, by number. Raises RecorderError when a file has no first line."""
    found = []
    for path in folder.glob("connection-*.jsonl"):
        facts: FrameLine | None = None
        how = ""
        for line in _lines(path):
            facts = facts or line
            how = line.how or how
        if facts is None or not facts.cf_ray:
            raise RecorderError(f"{path}: holds no connection; was the exchange killed as it began?")
        found.append(OracleConnection(path, facts.number, facts.cf_ray, facts.opened_at_ns, how))
    return sorted(found, key=lambda connection: connection.number)


def compare(folder: Path, recorded: Mapping[str, Iterable[bytes]]) -> list[str]:
    """What is wrong with a recording, as a message: `recorded` maps cf-ray to payloads in order.

    Missing last frames of a connection that broke are not a finding: nobody can tell whether they arrived.
    """
    known = {connection.cf_ray: connection for connection in read_oracle(folder)}
    strangers = sorted(set(recorded) - set(known))
    findings = [f"{cf_ray}: recorded, but the exchange never had such a connection" for cf_ray in strangers]
    for cf_ray, connection in known.items():
        sent = [_digest(payload) for payload in connection.frames()]
        got = [_digest(payload) for payload in recorded.get(cf_ray, ())]
        findings += _differences(cf_ray, sent, got, torn=connection.may_lack_a_tail)
    return findings


def _digest(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16).digest()


def _differences(cf_ray: str, sent: list[bytes], got: list[bytes], *, torn: bool) -> list[str]:
    if sent == got or (torn and sent[: len(got)] == got):
        return []
    first = next(at for at, (one, other) in enumerate(zip_longest(sent, got), 1) if one != other)
    missing, surplus = Counter(sent) - Counter(got), Counter(got) - Counter(sent)
    genuine = set(sent)
    twice = sum(count for digest, count in surplus.items() if digest in genuine)
    unknown = surplus.total() - twice
    altered = min(missing.total(), unknown)
    counts = {
        "missing": missing.total() - altered,
        "twice": twice,
        "altered": altered,
        "never sent": unknown - altered,
    }
    said = [f"{count} {what}" for what, count in counts.items() if count] or ["out of order"]
    return [f"{cf_ray}: {', '.join(said)} of {len(sent)} frames sent; first difference at frame {first}"]
