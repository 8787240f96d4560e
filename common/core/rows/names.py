"""Where a row belongs: the archive's path is a pure function of the row, never of the writer's clock."""

import hashlib
import re
from typing import Literal

import msgspec

from common.core.instants import NS_PER_SECOND, compact_utc_text, parse_utc_ns, utc_text

WS_RAW = "ws_raw"
REST_CHECKPOINTS = "rest_checkpoints"
REFERENCE = "reference"
RESOLUTION = "resolution"
BOOK_STREAMS = (WS_RAW, REST_CHECKPOINTS)  # what ledgers account for, and a sample must have
REQUEST_STREAMS = (REST_CHECKPOINTS, RESOLUTION)  # whose rows are requests over HTTP
STREAMS = (*BOOK_STREAMS, REFERENCE, RESOLUTION)

RUNTIME_FOLDER = "raw_orderbooks/polymarket"
SAMPLE_FOLDER = "ws_sample/polymarket"
ARCHIVE_SUFFIX = ".jsonl.gz"
OPEN_SUFFIX = ".open"
SIDECAR_SUFFIX = ".manifest.json"
LEDGER_FOLDER = "ledgers/polymarket"
LEDGER_SUFFIX = ".ledger.json"

_RUNTIME_OPEN_NAME = re.compile(r"\.polymarket_.*_l(\d+)_s\d{12,}(_part-\d+)?\.jsonl\.gz\.open", re.ASCII)
_RUNTIME_NAME = re.compile(r"polymarket_.*_l(\d+)_s(\d{12,})(_part-\d+)?\.jsonl\.gz", re.ASCII)
_WINDOW = re.compile(rf"polymarket_(?:{'|'.join(STREAMS)})_(\d{{8}}T\d{{6}}Z)[_.].*", re.ASCII)
_PLAIN_NAME = re.compile(r"[a-zA-Z0-9_-]{1,80}")


class Layout(msgspec.Struct, frozen=True):
    """How archives are laid out: by window and producer at runtime, one for each stream in a sample."""

    kind: Literal["runtime", "sample"]
    run_id: str = ""
    rotation_interval_seconds: int = 3600

    def window_start_ns(self, received_at_ns: int) -> int:
        """Start of the window of a receive time; a sample knows only one, 0."""
        if self.kind == "sample":
            return 0
        return received_at_ns - received_at_ns % (self.rotation_interval_seconds * NS_PER_SECOND)

    def shares_archive(self, producer: str) -> str:
        """The producer as part of an archive's key: in a sample all share the archive of their stream."""
        return "" if self.kind == "sample" else producer

    def path(
        self, stream: str, producer: str, *, lane: int, first_sequence: int, window_start_ns: int
    ) -> str:
        """Path of the closed archive below the data root, with `/`."""
        if self.kind == "sample":
            run_id = path_word(self.run_id)
            return f"{SAMPLE_FOLDER}/{stream}/{run_id}/polymarket_{stream}_{run_id}{ARCHIVE_SUFFIX}"
        name = (
            f"polymarket_{stream}_{compact_utc_text(window_start_ns)}_{path_word(producer)}"
            f"_l{lane}_s{first_sequence:012d}{ARCHIVE_SUFFIX}"
        )
        return f"{RUNTIME_FOLDER}/{stream}/{hour_folder(window_start_ns)}/{name}"


def path_word(name: str) -> str:
    """A name as it may be in a path: itself if it is plain, else `x` and 32 hex digits of its sha256."""
    if _PLAIN_NAME.fullmatch(name):
        return name
    return "x" + hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:32]


def numbered_part(path: str, part: int) -> str:
    """The path of a later part: `<name>_part-2.jsonl.gz`."""
    return f"{path.removesuffix(ARCHIVE_SUFFIX)}_part-{part}{ARCHIVE_SUFFIX}"


def open_path(path: str) -> str:
    """The hidden path of an archive while it is written: `.<name>.open` in the same folder."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}{OPEN_SUFFIX}"


def sidecar_path(path: str) -> str:
    """The path of an archive's sidecar."""
    return path + SIDECAR_SUFFIX


def lane_of_open(name: str) -> int | None:
    """The lane that writes an open archive of the runtime, by the file's name; None if it is not such a name."""
    match = _RUNTIME_OPEN_NAME.fullmatch(name)
    return int(match[1]) if match else None


def lane_and_sequence(name: str) -> tuple[int, int] | None:
    """Lane and first lane sequence of a closed archive of the runtime, by its name; None for other names."""
    match = _RUNTIME_NAME.fullmatch(name)
    return (int(match[1]), int(match[2])) if match else None


def stream_of(name: str) -> str | None:
    """The stream that an archive or a ledger is of; None for other names."""
    return next((stream for stream in STREAMS if name.startswith(f"polymarket_{stream}_")), None)


def window_start_of(name: str) -> int | None:
    """Start of the window that an archive of the runtime, or a ledger, is about; None for other names."""
    match = _WINDOW.fullmatch(name)
    try:
        return parse_utc_ns(match[1]) if match else None
    except ValueError:
        return None


def hour_folder(at_ns: int) -> str:
    """The folder of an instant's hour in the folder of a stream, with `/`."""
    text = utc_text(at_ns)
    return f"dt={text[:10]}/hour={text[11:13]}"


def ledger_path(stream: str, window_start_ns: int) -> str:
    """The path of the ledger of a stream and window below the data root, with `/`."""
    name = f"polymarket_{stream}_{compact_utc_text(window_start_ns)}{LEDGER_SUFFIX}"
    return f"{LEDGER_FOLDER}/{stream}/{hour_folder(window_start_ns)}/{name}"


def open_pattern(stream: str) -> str:
    """Glob pattern below the data root for the open archives of the runtime, of every lane."""
    return f"{RUNTIME_FOLDER}/{stream}/dt=*/hour=*/.polymarket_*{ARCHIVE_SUFFIX}{OPEN_SUFFIX}"


def open_sample_pattern(stream: str) -> str:
    """Glob pattern below the data root for the open archives that a sample may have left."""
    return f"{SAMPLE_FOLDER}/{stream}/*/.polymarket_*{ARCHIVE_SUFFIX}{OPEN_SUFFIX}"
