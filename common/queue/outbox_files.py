"""The small files of an outbox: who it is, what its messages refer to, and whether a session is open."""

import logging
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from common.core.causes import Cause
from common.core.envelope import Context
from common.core.feed.left_tokens import Left
from common.core.format_version import refuse_newer
from common.core.market import Exchange, Token
from common.core.rows.origin import Leg, Origin
from common.core.rows.websocket import subscription_json, tokens_tracked_json
from common.files import replace
from common.version import PROGRAM_VERSION

T = TypeVar("T")

IDENTITY = "identity.json"
SUPERSEDED = "superseded.json"
SESSION_OPEN = "session-open"
OUTAGE = "outage.json"
FOLLOWED = "followed.json"
OUTBOX_FORMAT = 1

log = logging.getLogger(__name__)


class Identity(msgspec.Struct, frozen=True):
    """A producer as the writers know it. `producer` is unique for ever: a new outbox is a new producer.

    What it holds belongs into the archives of one data root (`data_root_id`, empty where an older version wrote it),
    which are of one exchange. `format_version` is that of everything in the outbox: its segments, numbers, contexts.
    """

    producer: str
    stream: str
    exchange: Exchange = "live"
    data_root_id: str = ""
    format_version: int = OUTBOX_FORMAT
    leg: Leg | None = None
    host: str = ""
    program_version: str = ""

    @property
    def origin(self) -> Origin:
        """What its rows state of it."""
        return Origin(self.producer, self.exchange, self.leg, self.host)


class Outage(msgspec.Struct, frozen=True):
    """Since when (wall time) no session is open, and the word that stands for the reason in gap rows."""

    since_ns: int
    cause: Cause


class Followed(msgspec.Struct, frozen=True):
    """The tokens that were subscribed last, and those that are no longer although their market trades."""

    tokens: tuple[Token, ...] = ()
    left: tuple[Left, ...] = ()


class OutboxFiles:
    """Each is replaced as a whole, so that anyone who reads it sees the old one or the new one."""

    def __init__(self, folder: Path) -> None:
        """Read what is there. Raises ConfigError where a newer version wrote it."""
        self._folder = folder
        self._unsaved: dict[str, bytes | None] = {}  # None: to be removed
        path = folder / IDENTITY
        if path.exists():
            refuse_newer(path.read_bytes(), known=OUTBOX_FORMAT, what=str(path))
        found = (_read(path, Context) for path in folder.glob("context-*.json"))
        self.contexts = {context.number: context for context in found if context is not None}
        self.session_is_open = (folder / SESSION_OPEN).exists()
        self.outage = self._read_outage()
        self.followed = _read(folder / FOLLOWED, Followed) or Followed()  # also of a process that has died
        self._identity: Identity | None = None

    def identity(self, fresh: Identity) -> Identity:
        """Who the outbox belongs to: `fresh`, if it is new. One of an older version learns its data root from it.

        Where the file cannot be read, the name of a session still tells the producer.
        """
        path = self._folder / IDENTITY
        known = _read(path, Identity)
        if known is not None and known.data_root_id:
            self._identity = known
            return known
        if known is not None:
            fresh = msgspec.structs.replace(fresh, producer=known.producer, stream=known.stream)
        elif path.exists() and (producer := self._producer_of_sessions()):
            fresh = msgspec.structs.replace(fresh, producer=producer)
        self._identity = fresh = msgspec.structs.replace(fresh, program_version=PROGRAM_VERSION)
        replace(path, msgspec.json.encode(fresh))
        return fresh

    def _producer_of_sessions(self) -> str:
        newest = max((each for each in self.contexts.values() if each.session_id), key=_number, default=None)
        return newest.session_id.rpartition("-c")[0] if newest is not None else ""

    @property
    def began_ns(self) -> int:
        """When the outbox was begun, by the wall clock; 0 where that cannot be told."""
        try:
            return (self._folder / IDENTITY).stat().st_mtime_ns
        except OSError:
            return 0

    def context(self, number: int) -> Context:
        """A context that messages refer to; a stand-in without session and tokens where its file was damaged."""
        known = self.contexts.get(number)
        if known is not None:
            return known
        log.error("context is lost, its messages are recorded without tokens", extra={"context": number})
        name = f"{self._folder.name}-context-{number}-lost"
        stand_in = Context(number, name, 0, "", subscription_json(0, ()), tokens_tracked_json(()))
        self.contexts[number] = stand_in
        return stand_in

    def mark_superseded(self, since_ns: int) -> None:
        """The archives are ahead of this outbox: its next owner begins another, with an outage since then."""
        replace(self._folder / SUPERSEDED, msgspec.json.encode(Outage(since_ns, "spool_superseded")))

    def open_session(self) -> None:
        """A session is open from here on."""
        self.session_is_open = True
        self._save(SESSION_OPEN, b"")

    def close_session(self) -> None:
        """The session of the newest context is over, and its row is written."""
        self.session_is_open = False
        self._save(SESSION_OPEN, None)

    def _read_outage(self) -> Outage | None:
        """The outage noted last, also by a process that has died; None before the first."""
        path = self._folder / OUTAGE
        if not path.exists():
            return None
        return _read(path, Outage) or Outage(path.stat().st_mtime_ns, "reader_died")

    def note_outage(self, since_ns: int, cause: Cause) -> None:
        """No session will be open from here on until the next one: who opens that one declares it."""
        self.outage = Outage(since_ns, cause)
        self._save(OUTAGE, msgspec.json.encode(self.outage))

    def note_followed(self, followed: Followed) -> None:
        """The subscription, or what is left of an earlier one, is another from here on."""
        self.followed = followed
        self._save(FOLLOWED, msgspec.json.encode(followed))

    def add_context(self, context: Context) -> None:
        """Keep it for as long as messages refer to it."""
        self.contexts[context.number] = context
        self._save(_context_file(context.number), msgspec.json.encode(context))

    def forget_contexts_before(self, number: int) -> None:
        """No message refers to them any more."""
        for old in [each for each in self.contexts if each < number]:
            del self.contexts[old]
            self._save(_context_file(old), None)

    def _save(self, name: str, document: bytes | None) -> None:
        """Write or remove a file. Where there is no room it waits for `save_all`: what counts is in memory."""
        self._unsaved[name] = document
        with suppress(OSError):
            self.save_all()

    def save_all(self) -> None:
        """Write what found no room before. Raises OSError."""
        for name, document in list(self._unsaved.items()):
            if document is None:
                (self._folder / name).unlink(missing_ok=True)
            else:
                replace(self._folder / name, document)
            del self._unsaved[name]

    def keep(self) -> bool:
        """Whether any file was gone, and is there again. Raises OSError."""
        wanted = {IDENTITY: msgspec.json.encode(self._identity)} if self._identity is not None else {}
        wanted |= {_context_file(n): msgspec.json.encode(context) for n, context in self.contexts.items()}
        wanted |= {SESSION_OPEN: b""} if self.session_is_open else {}
        wanted |= {OUTAGE: msgspec.json.encode(self.outage)} if self.outage is not None else {}
        wanted |= {FOLLOWED: msgspec.json.encode(self.followed)} if self.followed != Followed() else {}
        gone = {name: document for name, document in wanted.items() if not (self._folder / name).exists()}
        self._unsaved |= gone
        self.save_all()
        return bool(gone)


def _context_file(number: int) -> str:
    return f"context-{number}.json"


def _number(context: Context) -> int:
    return context.number


def _read(path: Path, kind: type[T]) -> T | None:
    """None where the file is missing or damaged, as one of zeros is: then the log says so."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        log.error("file of an outbox is damaged", extra={"file": str(path), "reason": str(error)})  # noqa: TRY400
        return None


def take_outage_of_superseded(folder: Path) -> Outage | None:
    """Remove an outbox whose archives are ahead of it; gives since when what it received is lost. None: it stays."""
    path = folder / SUPERSEDED
    if not path.exists():
        return None
    outage = _read(path, Outage) or Outage(path.stat().st_mtime_ns, "spool_superseded")
    shutil.rmtree(folder)
    return outage


def identities_in(producers: Path) -> list[Identity]:
    """Who the outboxes in a folder of producers belong to, as far as they can tell."""
    identities = []
    for path in sorted(producers.glob(f"*/{IDENTITY}")):
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            identities.append(msgspec.json.decode(path.read_bytes(), type=Identity))
    return identities
