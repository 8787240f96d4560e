"""The small files of an outbox: who it is, what its messages refer to, and whether a session is open."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from common.core.causes import Cause
from common.core.envelope import Context
from common.core.left_tokens import Left
from common.core.market import Exchange, Token

IDENTITY = "identity.json"


class Identity(msgspec.Struct, frozen=True):
    """A producer as the writers know it. `producer` is unique for ever: a new outbox is a new producer.

    What it holds belongs into the archives of one data root (`data_root_id`, empty where an older version wrote it),
    which are of one exchange.
    """

    producer: str
    stream: str
    exchange: Exchange = "live"
    data_root_id: str = ""


class Outage(msgspec.Struct, frozen=True):
    """Since when (wall time) no session is open, and the word that stands for the reason in gap rows."""

    since_ns: int
    cause: Cause


class Followed(msgspec.Struct, frozen=True):
    """The tokens that were subscribed last, and those that are no longer although their market trades."""

    tokens: tuple[Token, ...] = ()
    left: tuple[Left, ...] = ()


class OutboxFiles:
    """Each is replaced as a whole, so that whoever reads it sees the old one or the new one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._session_mark = folder / "session-open"
        self.contexts = {context.number: context for context in map(_read_context, _context_files(folder))}

    def identity(self, fresh: Identity) -> Identity:
        """Who the outbox belongs to: `fresh`, if it is new. One of an older version learns its data root from it."""
        path = self._folder / IDENTITY
        if path.exists():
            known = msgspec.json.decode(path.read_bytes(), type=Identity)
            if known.data_root_id:
                return known
            fresh = msgspec.structs.replace(fresh, producer=known.producer, stream=known.stream)
        self._replace(IDENTITY, fresh)
        return fresh

    @property
    def session_is_open(self) -> bool:
        """Whether the session of the newest context has no end yet."""
        return self._session_mark.exists()

    def open_session(self) -> None:
        """A session is open from here on."""
        self._session_mark.touch()

    def close_session(self) -> None:
        """The session of the newest context is over, and its row is written."""
        self._session_mark.unlink(missing_ok=True)

    @property
    def outage(self) -> Outage | None:
        """The outage noted last, also by a process that has died; None before the first."""
        path = self._folder / "outage.json"
        return msgspec.json.decode(path.read_bytes(), type=Outage) if path.exists() else None

    def note_outage(self, since_ns: int, cause: Cause) -> None:
        """No session will be open from here on until the next one: who opens that one declares it."""
        self._replace("outage.json", Outage(since_ns, cause))

    @property
    def followed(self) -> Followed:
        """What was noted last of the subscription, also by a process that has died."""
        path = self._folder / "followed.json"
        return msgspec.json.decode(path.read_bytes(), type=Followed) if path.exists() else Followed()

    def note_followed(self, followed: Followed) -> None:
        """The subscription, or what is left of an earlier one, is another from here on."""
        self._replace("followed.json", followed)

    def add_context(self, context: Context) -> None:
        """Keep it for as long as messages refer to it."""
        (self._folder / f"context-{context.number}.json").write_bytes(msgspec.json.encode(context))
        self.contexts[context.number] = context

    def forget_contexts_before(self, number: int) -> None:
        """No message refers to them any more."""
        for old in [each for each in self.contexts if each < number]:
            del self.contexts[old]
            (self._folder / f"context-{old}.json").unlink(missing_ok=True)

    def _replace(self, name: str, value: msgspec.Struct) -> None:
        partial = self._folder / f"{name}.partial"
        partial.write_bytes(msgspec.json.encode(value))
        partial.rename(self._folder / name)


def _context_files(folder: Path) -> Iterable[Path]:
    return folder.glob("context-*.json")


def _read_context(path: Path) -> Context:
    return msgspec.json.decode(path.read_bytes(), type=Context)


def identities_in(producers: Path) -> list[Identity]:
    """Who the outboxes in a folder of producers belong to, as far as they can tell."""
    identities = []
    for path in sorted(producers.glob(f"*/{IDENTITY}")):
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            identities.append(msgspec.json.decode(path.read_bytes(), type=Identity))
    return identities
