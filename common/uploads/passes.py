"""One pass of uploads over a data root: upload what waits, prove it, write the proof down, and clean up if asked.

Every step may be repeated, so a pass may be killed anywhere: the next one goes on. Nothing is deleted here but on a
proof of the same pass, made of the remote's own bytes.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from common.core.uploads.judgement import UploadEvent
from common.core.uploads.outlook import UploadState
from common.core.uploads.record import Proof
from common.core.uploads.retention import NOTHING_GOES, Because, Retention
from common.core.uploads.turns import Parcel, Turns
from common.errors import ArchiveError, RemoteError
from common.remote.rclone import Rclone, TookTooLong
from common.runtime.clock import CLOCK, Clock
from common.uploads.at_remote import AtRemote
from common.uploads.sealed import Sealed, remove, remove_sidecar_left, seal
from common.uploads.stock import Stock

_BUSY = re.compile(r"\b(429|503)\b")  # such answers may say for how long


class Figures(msgspec.Struct, frozen=True):
    """Where it stands: archives that wait, those that are proved, and bytes of all that are here.

    `oldest_ns` is 0 where nothing waits.
    """

    state: UploadState = "idle"
    backlog_files: int = 0
    backlog_bytes: int = 0
    oldest_ns: int = 0
    verified_files: int = 0
    last_proof_utc: str | None = None
    alarms: tuple[str, ...] = ()
    held_bytes: int = 0


class Uploads:
    """The uploads of one data root to one remote; the caller holds the data root's upload lock.

    `tell` hears of everything that happens, from within `run_pass`. `figures` may be read by another thread; None
    before the first pass has looked.
    """

    def __init__(
        self,
        data_root: Path,
        remote: Rclone,
        *,
        verify: Proof,
        clean_up: bool,
        retention: Retention = NOTHING_GOES,
        tell: Callable[[UploadEvent], None],
        clock: Clock = CLOCK,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.figures: Figures | None = None
        self.retry_after_s = 0.0  # what the store asked for when the last pass failed
        self.stock = Stock(data_root, remote.remote, verify)
        self._root, self._remote, self._verify = data_root, remote, verify
        self._clean_up = clean_up and verify == "read_back"
        self._retention = retention if verify == "read_back" else NOTHING_GOES
        self._deletes = self._clean_up or self._retention.is_on
        self._tell, self._clock = tell, clock
        self._turns = Turns(chance)
        self._alarms: dict[str, str] = {}
        self._there = AtRemote(data_root, remote)

    def run_pass(self) -> str:
        """Upload, prove and clean what can be; returns as a message why not everything was tried, or nothing."""
        words = ""
        try:
            self._look()
            self._remote.check()
            if self._deletes and (self.stock.waiting or self.stock.to_clean):
                self._there.see_that_it_is_elsewhere()
            self._upload_waiting()
            if self._deletes:
                self._finish_removals()
                self._clean_proved()
        except (RemoteError, ArchiveError) as error:
            words = str(error)
        except OSError as error:
            words = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        if words:
            self._tell(UploadEvent("away", "", words))
            self._ask_for_patience(words)
        self._show("idle")
        return words

    def _ask_for_patience(self, words: str) -> None:
        self.retry_after_s = 0.0
        if _BUSY.search(words):
            with suppress(RemoteError):
                self.retry_after_s = self._remote.retry_after_s()

    def _look(self) -> None:
        self.stock.look()
        here = {*self.stock.waiting, *self.stock.proved}
        known = {
            path: words for path, words in self._alarms.items() if path in here or path in self.stock.odd
        }
        for path, words in self.stock.odd.items():
            told = f"{path}: {words}"
            if known.get(path) != told:
                self._tell(UploadEvent("alarm", path, told))
            known[path] = told
        self._alarms = known
        self._show("idle")

    def _show(self, state: UploadState) -> None:
        archives = [parcel for parcel in self.stock.waiting.values() if parcel.is_archive]
        verified_files, last_proof_utc = self.stock.proofs
        self.figures = Figures(
            state,
            backlog_files=len(archives),
            backlog_bytes=sum(parcel.bytes for parcel in archives),
            oldest_ns=min((parcel.since_ns for parcel in archives), default=0),
            verified_files=verified_files,
            last_proof_utc=last_proof_utc,
            alarms=tuple(words for _, words in sorted(self._alarms.items())),
            held_bytes=self.stock.held_bytes,
        )

    def _batch(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        return self._turns.batch(parcels, self._clock.monotonic_ns())

    # Uploading

    def _upload_waiting(self) -> None:
        while batch := self._batch([*self.stock.waiting.values()]):
            with self._counting(batch):
                proved = self._prove(self._copy(self._seal(batch)))
            if self._deletes:
                self._clean(proved)

    @contextmanager
    def _counting(self, batch: Sequence[Parcel]) -> Iterator[None]:
        """The next batch is larger if this one goes, smaller if it breaks off; one alone is to blame itself."""
        try:
            yield
        except RemoteError as error:
            self._turns.broke_off(batch)
            if len(batch) == 1 and isinstance(error, TookTooLong):
                self._turns.failed(batch[0].path, self._clock.monotonic_ns())
            raise
        self._turns.went()

    def _seal(self, batch: Sequence[Parcel]) -> list[Sealed]:
        """Those that are what their sidecars say."""
        good = []
        for parcel in batch:
            try:
                good.append(seal(self._root, parcel.path))
            except FileNotFoundError:
                self.stock.gone(parcel.path)
            except ArchiveError as error:
                self._failed(parcel.path, str(error), alarm=True)
        return good

    def _copy(self, sealed: Sequence[Sealed]) -> list[Sealed]:
        """Gives those of which all should be there now."""
        self._show("uploading")
        failures = self._there.copy(sealed)
        for path, failure in failures.items():
            self._failed(path, failure.words, alarm=failure.for_good)
        return [each for each in sealed if each.path not in failures]

    # Proving

    def _prove(self, sealed: Sequence[Sealed]) -> list[Sealed]:
        """Compare with what is at the remote; gives those that are proved, and written down as such."""
        proved = []
        self._show("verifying")
        for each, verdict in self._there.judge(sealed, self._verify):
            if verdict.proof is None:
                self._failed(each.path, verdict.words, alarm=verdict.other)
                continue
            self.stock.record(each, verdict.proof, self._clock.wall_ns())
            self._turns.done(each.path)
            self._alarms.pop(each.path, None)
            self._tell(UploadEvent("verified", each.path, verdict.proof, each.files[0].bytes))
            proved.append(each)
        self._show("verifying")
        return proved

    def _failed(self, path: str, words: str, *, alarm: bool) -> None:
        self._turns.failed(path, self._clock.monotonic_ns())
        if alarm:
            self._alarms[path] = words
        self._tell(UploadEvent("alarm" if alarm else "failed", path, words))

    # Cleaning up

    def _clean(self, proved: Sequence[Sealed]) -> None:
        """Delete what was proved in this pass, unless it is needed here or may stay."""
        self._show("cleaning")
        to_go = self._to_go()
        for each in proved:
            if each.path not in to_go:
                continue
            try:
                remove(self._root, each)
            except (ArchiveError, FileNotFoundError) as error:
                self._failed(each.path, str(error), alarm=True)
                continue
            self._cleaned(each.path, to_go[each.path])

    def _to_go(self) -> Mapping[str, Because]:
        return self.stock.to_go(self._retention, clean_up=self._clean_up)

    def _cleaned(self, path: str, because: str) -> None:
        self.stock.cleaned(path, self._clock.wall_ns(), because)
        self._turns.done(path)
        self._tell(UploadEvent("cleaned", path, because))

    def _finish_removals(self) -> None:
        """What a kill cut in two: the archive is gone, its sidecar or the word about it is not."""
        for record in self.stock.half_removed():
            remove_sidecar_left(self._root, record.path, record.sidecar_sha256)
            self._cleaned(record.path, "unknown")

    def _clean_proved(self) -> None:
        """Those that stayed when they were proved: the remote is read once more, it may have lost them since."""
        while batch := self._batch(self._proved_to_go()):
            with self._counting(batch):
                sealed = self._seal(batch)
                self._clean(list(self._proved_again(sealed)))

    def _proved_to_go(self) -> list[Parcel]:
        to_go = self._to_go()
        return [parcel for parcel in self.stock.to_clean if parcel.path in to_go]

    def _proved_again(self, sealed: Sequence[Sealed]) -> Iterator[Sealed]:
        for each, verdict in self._there.judge(sealed, self._verify):
            if verdict.proof:
                yield each
                continue
            self._failed(each.path, f"{verdict.words}; it was there before", alarm=verdict.other)
            if verdict.gone:
                self.stock.lost(each.path)  # the next pass uploads it again
