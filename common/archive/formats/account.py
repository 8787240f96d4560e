"""What an exported hour holds and does not hold, as a file beside its data: written last, so that its hour is whole."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from common.archive.formats.output import NamedFile, Written
from common.core.formats.moments import Gaps, Lost, Moment, Trade, WholeBook
from common.core.instants import utc_text
from common.core.market import Exchange, Token
from common.core.rows.origin import LegChoice
from common.errors import ArchiveError
from common.files import write_atomically

FOLDER = "about"
SCHEMA_VERSION = 1


class Stretch(msgspec.Struct, frozen=True):
    """A time in which a token's book is known, from its first instant up to before its last, and why it ended."""

    from_ns: int
    until_ns: int
    ended: str


class TokenAccount(msgspec.Struct, frozen=True):
    """One token of the hour: its trades, and when its book is known. Each stretch is a part of its own with `split`."""

    token_id: str
    market_slug: str
    condition_id: str
    outcome: str
    trades: int
    stretches: tuple[Stretch, ...]


class HourAccount(msgspec.Struct, frozen=True):
    """One hour in one format. `sources` is a digest of the archives that were read.

    `notes` say what is not as it was recorded. `declared_gaps` are the recording's own gap rows of the hour.
    """

    schema_version: int
    program_version: str
    format: str
    from_utc: str
    to_utc: str
    exchange: Exchange | None
    gaps: Gaps
    leg: LegChoice
    markets: tuple[str, ...]
    sources: str
    rows_read: int
    files: tuple[NamedFile, ...]
    tokens: tuple[TokenAccount, ...]
    declared_gaps: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]


class Accounts:
    """Follows the moments of an hour."""

    def __init__(self, until_ns: int) -> None:
        self._until_ns = until_ns
        self._known: dict[str, int] = {}
        self._stretches: dict[str, list[Stretch]] = {}
        self._trades: Counter[str] = Counter()

    def take(self, moment: Moment) -> None:
        """The next moment."""
        token_id = moment.token_id
        match moment:
            case WholeBook():
                self._known.setdefault(token_id, moment.at_ns)
            case Lost():
                self._end(token_id, moment.at_ns, moment.reason)
            case Trade():
                self._trades[token_id] += 1
            case _:
                pass

    def finish(self, tokens: Mapping[str, Token]) -> tuple[TokenAccount, ...]:
        """The accounts of all tokens of which something was told."""
        for token_id in tuple(self._known):
            self._end(token_id, self._until_ns, "")
        found = sorted({*self._stretches, *self._trades})
        return tuple(self._account(token_id, tokens.get(token_id)) for token_id in found)

    def _end(self, token_id: str, at_ns: int, reason: str) -> None:
        began_ns = self._known.pop(token_id, None)
        if began_ns is not None:
            self._stretches.setdefault(token_id, []).append(Stretch(began_ns, at_ns, reason))

    def _account(self, token_id: str, token: Token | None) -> TokenAccount:
        slug, market, outcome = (
            (token.market_slug, token.condition_id, token.outcome) if token is not None else ("", "", "")
        )
        stretches = tuple(self._stretches.get(token_id, ()))
        return TokenAccount(token_id, slug, market, outcome, self._trades[token_id], stretches)


def with_gaps(written: Sequence[Written], tokens: Sequence[TokenAccount], hour_ns: int) -> list[Written]:
    """The files, each with a note for every time of its tokens in which there is no book."""
    notes = {account.token_id: list(_gap_notes(account, hour_ns)) for account in tokens}
    return [
        msgspec.structs.replace(
            file,
            notes=(*file.notes, *(note for token_id in file.token_ids for note in notes.get(token_id, ()))),
        )
        for file in written
    ]


def _gap_notes(account: TokenAccount, hour_ns: int) -> Sequence[str]:
    if not account.stretches:
        return [f"{account.token_id}: no book in this hour: no snapshot came"]
    first, notes = account.stretches[0], []
    if first.from_ns > hour_ns:
        notes.append(f"{account.token_id}: no book before {utc_text(first.from_ns)}")
    following = [utc_text(each.from_ns) for each in account.stretches[1:]]
    for stretch, until in zip(account.stretches, [*following, "the end of the hour"], strict=True):
        if stretch.ended:
            from_utc = utc_text(stretch.until_ns)
            notes.append(f"{account.token_id}: no book from {from_utc} to {until}: {stretch.ended}")
    return notes


def path_of(output: Path, hour_ns: int) -> Path:
    """Where the account of an hour is."""
    return output / FOLDER / f"{utc_text(hour_ns)[:13]}.json"


def write_account(output: Path, hour_ns: int, account: HourAccount) -> None:
    """Put it in place, durably. Raises OSError."""
    text = msgspec.json.format(msgspec.json.encode(account), indent=2) + b"\n"
    write_atomically(path_of(output, hour_ns), text)


def read_account(output: Path, hour_ns: int) -> HourAccount | None:
    """The account of an hour that was exported before; None where there is none.

    Raises ArchiveError where it cannot be read.
    """
    path = path_of(output, hour_ns)
    try:
        return msgspec.json.decode(path.read_bytes(), type=HourAccount)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise ArchiveError(f"{path}: cannot be read: {error}") from error


def refuse_others(output: Path, name: str, exchange: Exchange | None) -> None:
    """Raise ArchiveError where the folder has hours in another format, or of another exchange."""
    for path in sorted((output / FOLDER).glob("*.json"))[:1]:
        try:
            held = msgspec.json.decode(path.read_bytes(), type=HourAccount)
        except (OSError, msgspec.DecodeError):
            return
        if held.format != name or (None not in {held.exchange, exchange} and held.exchange != exchange):
            raise ArchiveError(
                f"{output}: holds {held.format} files of {held.exchange} data, this is {name} of {exchange}:"
                " choose another --output"
            )
