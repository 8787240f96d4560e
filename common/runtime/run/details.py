"""What each kind of process reports of itself beside its counters, one struct for each kind.

The fields are those of the run manifest, so that it is put together without renaming. A field that is renamed here
is an error of types in the process that fills it in and in all that read it.
"""

import msgspec

from common.core.audit.books_shown import BooksShown
from common.core.audit.confirmations import Confirmed
from common.core.audit.divergence import Divergence
from common.core.audit.wishes import Wish
from common.core.feed.session_history import SessionShown
from common.core.ledger.document import Condition
from common.core.ledger.union_today import UnionToday
from common.core.operator_events.event import OperatorEvent
from common.core.reference.frames import Channel
from common.core.reference.sources import Place
from common.core.resolution.shown import ResolutionShown
from common.core.rows.gap import Gap
from common.core.run_state import ReaderState, SupervisorState
from common.core.uploads.outlook import UploadStated
from common.runtime.run.orders import Orders


class Nothing(msgspec.Struct, frozen=True):
    """Of a process that has not begun its work."""


NOTHING = Nothing()


class OutboxShown(msgspec.Struct, frozen=True):
    """The outbox of a producer: by lane what waits, and for how long. Up to `settled_until_ns` all is in archives."""

    producer: str
    settled_until_ns: int
    spool_bytes: int
    lanes: dict[int, int]
    lanes_owned: int
    lanes_without_writer: tuple[int, ...]
    oldest_seconds: dict[int, float]


class ProducerDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Of every process with an outbox; `gaps` are those that it declared last."""

    outbox: OutboxShown
    gaps: tuple[Gap, ...]


class ReaderDetails(ProducerDetails, frozen=True, kw_only=True):
    """Of a websocket reader. `last_market_data_at_ns` is 0 before the first; `wishes_taken` numbers the newest."""

    state: ReaderState
    last_market_data_at_ns: int
    last_error: str
    tokens: int
    all_settled: bool
    tokens_without_book: int
    recent_sessions: tuple[SessionShown, ...]
    wishes_taken: int


class CheckpointerDetails(ProducerDetails, frozen=True, kw_only=True):
    """Of the process that asks for books over REST."""

    last_error: str


class ReferenceDetails(ProducerDetails, frozen=True, kw_only=True):
    """Of a process for reference prices. `silent_since_ns`: since when prices are wanted and do not come, else 0.

    `last_price_at_ns` is 0 before the first; `quiet` names the coins, each with its channel, of which nothing comes.
    """

    source: Place
    state: ReaderState
    coins: tuple[str, ...]
    channels: tuple[Channel, ...]
    last_price_at_ns: int
    silent_since_ns: int
    quiet: tuple[str, ...]
    last_error: str


class ResolutionDetails(ProducerDetails, frozen=True, kw_only=True):
    """Of the process that asks how windows were resolved."""

    last_error: str
    shown: ResolutionShown


class AuditorDetails(ProducerDetails, frozen=True, kw_only=True):
    """Of the book auditor. Readers follow its `wishes`, numbered up to `last_number`, and what it has `confirmed`."""

    books: BooksShown
    divergences: tuple[Divergence, ...]
    confirmed: dict[str, Confirmed]
    wishes: tuple[Wish, ...]
    last_number: int


class ArchiveShown(msgspec.Struct, frozen=True):
    """One archive; `closed_at_utc` is None while it is open."""

    name: str
    stream: str
    rows: int
    bytes: int
    opened_at_utc: str
    closed_at_utc: str | None


class WriterDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Of an archive writer. `before_run` holds the totals of its lane when the run began, by counter."""

    before_run: dict[str, int]
    open_archives: tuple[ArchiveShown, ...]
    closed_archives: tuple[ArchiveShown, ...]


class DiscoveryDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Of discovery. `clock_offset_s`: how far this machine's clock is ahead of the exchange's, None if not known."""

    last_success_at_utc: str | None
    last_error: str
    clock_offset_s: float | None


class LedgerShown(msgspec.Struct, frozen=True):
    """One ledger that was written."""

    stream: str
    from_utc: str
    condition: Condition


class LedgerKeeperDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Of the process that writes ledgers: the newest, and what those of the day state of two legs."""

    ledgers: tuple[LedgerShown, ...]
    union_today: UnionToday


class ManifestDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Of the process that writes the run manifest: where it serves the status, and the events of the run.

    `status_url` is None where it does not serve it, `events_posted`, the number of the last one, where none are posted.
    """

    status_url: str | None
    events: tuple[OperatorEvent, ...]
    events_posted: int | None


class ProcessShown(msgspec.Struct, frozen=True):
    """One process as its supervisor knows it; `pid` is None while it does not run.

    `last_end` is why it ended unasked the last time, empty where it never did.
    """

    name: str
    pid: int | None
    restarts: int
    flapping: bool
    last_end: str = ""


class SupervisorDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Of the supervisor."""

    state: SupervisorState
    processes: tuple[ProcessShown, ...]
    orders: Orders


Details = (
    Nothing
    | ReaderDetails
    | CheckpointerDetails
    | ReferenceDetails
    | ResolutionDetails
    | AuditorDetails
    | WriterDetails
    | DiscoveryDetails
    | LedgerKeeperDetails
    | UploadStated
    | ManifestDetails
    | SupervisorDetails
)
BESIDE_BOOKS = (
    ReferenceDetails,
    ResolutionDetails,
)  # what is wrong with these is a warning: books go on without
KINDS: dict[str, type[Details]] = {
    "ws_reader": ReaderDetails,
    "rest_checkpointer": CheckpointerDetails,
    "reference": ReferenceDetails,
    "resolution_poller": ResolutionDetails,
    "book_auditor": AuditorDetails,
    "archive_writer": WriterDetails,
    "discovery": DiscoveryDetails,
    "ledger": LedgerKeeperDetails,
    "uploader": UploadStated,
    "manifest": ManifestDetails,
    "supervisor": SupervisorDetails,
}


def details_of(name: str, document: bytes) -> Details:
    """What a process of this name reported. Raises msgspec.DecodeError."""
    kind = KINDS.get(name.partition("-")[0], Nothing)
    return NOTHING if document == b"{}" else msgspec.json.decode(document, type=kind)


def last_error(details: Details) -> str:
    """Why something of the process fails now; empty if nothing does, or if it is of a kind that states none."""
    match details:
        case (
            ReaderDetails() | CheckpointerDetails() | ReferenceDetails() | DiscoveryDetails() | UploadStated()
        ):
            return details.last_error
        case ResolutionDetails():
            return details.last_error
    return ""
