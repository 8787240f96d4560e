"""What of a data root waits for the remote, and what is proved and still here."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from common.archive.hour_folders import newest_ledger
from common.archive.upload_records import read_record, upload_records, write_record
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.rows.names import WS_RAW, window_start_of
from common.core.uploads.record import SCHEMA_VERSION, Proof, UploadRecord, record_path, remote_place
from common.core.uploads.retention import Because, Retention
from common.core.uploads.turns import Parcel
from common.files import DISK
from common.locks import RECORDER_LOCK, is_locked
from common.uploads.age import ahead_ns, surely_past_ns
from common.uploads.parcels import ParcelFinder, is_sample
from common.uploads.sealed import Sealed
from common.version import PROGRAM_VERSION

LONG_OVER_NS = 2 * 3600 * NS_PER_SECOND  # no row of an hour comes so late, unless the clock stepped
SAMPLE_VERDICT = "manifests/checkpoint_010b_ws_raw_sample.json"


class _Proved(msgspec.Struct, frozen=True):
    """What is kept in memory of a record of what is still here: the rest is on disk."""

    holds: bool
    is_archive: bool
    verified_at_utc: str


class Stock:
    """Records are read once and then followed; `look` lists what is here now.

    `waiting` are not proved yet, `proved` are, and still here; both by path, oldest data first. `odd` maps what
    is not a parcel to the reason. Memory depends on what is here, not on all that ever was uploaded.
    """

    def __init__(self, data_root: Path, remote: str, verify: Proof) -> None:
        self.waiting: dict[str, Parcel] = {}
        self.proved: dict[str, Parcel] = {}
        self.odd: dict[str, str] = {}
        self._records: dict[str, _Proved] = {}
        self._cleaned = 0  # proved archives that are no longer here
        self._last_proof_utc: str | None = None
        self._root, self._remote, self._verify = data_root, remote, verify
        self._finder = ParcelFinder(data_root)
        self._last_ledger_ns: int | None = None
        self._live = self._read = False

    def look(self) -> None:
        """List the data root again. Raises OSError."""
        if not self._read:
            for record in upload_records(self._root):
                self._note(record)
            self._read = True
        found = self._finder.look(time.time_ns())
        self.odd, self.waiting, self.proved = found.odd, {}, {}
        for parcel in found.parcels:
            (self.proved if self._holds(parcel.path) else self.waiting)[parcel.path] = parcel
        self._last_ledger_ns = newest_ledger(self._root, WS_RAW, until_ns=time.time_ns())
        self._live = self._is_live()

    def _note(self, record: UploadRecord) -> None:
        holds = record.holds_for(self._remote, self._verify)
        if holds and record.is_archive:
            self._last_proof_utc = max(self._last_proof_utc or "", record.verified_at_utc)
        if record.cleaned_at_utc is None:
            self._records[record.path] = _Proved(holds, record.is_archive, record.verified_at_utc)
        elif holds and record.is_archive:
            self._cleaned += 1

    def _is_live(self) -> bool:
        try:
            return is_locked(self._root / RECORDER_LOCK)
        except OSError:
            return True  # nobody knows, so nothing is deleted that it may need

    def _holds(self, path: str) -> bool:
        known = self._records.get(path)
        return known is not None and known.holds

    @property
    def archives(self) -> list[Parcel]:
        """All archives that are here, proved or not, the oldest data first."""
        here = [*self.waiting.values(), *self.proved.values()]
        return sorted((each for each in here if each.is_archive), key=lambda parcel: parcel.age_order)

    @property
    def held_bytes(self) -> int:
        """What these take together; their sidecars are not counted."""
        return sum(
            each.bytes for here in (self.waiting, self.proved) for each in here.values() if each.is_archive
        )

    def to_go(self, retention: Retention, *, clean_up: bool) -> Mapping[str, Because]:
        """Which proved archives are to be deleted, if the remote is found to hold them still, and why."""
        if clean_up:
            return {parcel.path: "cleanup_after_verify" for parcel in self.to_clean}
        if not retention.is_on:
            return {}
        return self.due(retention, self.to_clean)

    def due(self, retention: Retention, deletable: Sequence[Parcel]) -> Mapping[str, Because]:
        """Which of these are to go by age and size, whatever a wrong clock says."""
        now_ns = time.time_ns()
        if retention.max_age_seconds:
            now_ns = surely_past_ns(self._root, now_ns)
        return retention.due(deletable, self.archives, now_ns, partial(ahead_ns, self._root))

    @property
    def to_clean(self) -> list[Parcel]:
        """Those that are proved, here, and needed here no more."""
        return [parcel for parcel in self.needed_no_more if parcel.path in self.proved]

    @property
    def needed_no_more(self) -> list[Parcel]:
        """Archives that nobody needs here, also if a recorder has begun since the look; proved or not."""
        self._live = self._live or self._is_live()
        return [parcel for parcel in self.archives if not self.must_stay(parcel)]

    def must_stay(self, parcel: Parcel) -> bool:
        """Whether it is needed here although it is proved.

        Ledgers always are; so is an archive that a running recorder has not accounted for in a ledger yet, and a
        sample that was not judged yet.
        """
        if not parcel.is_archive:
            return True
        if is_sample(parcel.path):
            verdict = self._root / SAMPLE_VERDICT
            return not (verdict.exists() and verdict.stat().st_mtime_ns >= parcel.since_ns)
        window_ns = window_start_of(parcel.path.rpartition("/")[2])
        if not self._live or window_ns is None:
            return False
        return self._last_ledger_ns is None or window_ns > self._last_ledger_ns

    @property
    def proofs(self) -> tuple[int, str | None]:
        """How many archives are at the remote, those that are no longer here included, and when the last was proved."""
        here = sum(each.holds and each.is_archive for each in self._records.values())
        return self._cleaned + here, self._last_proof_utc

    def record(self, sealed: Sealed, proof: Proof, now_ns: int) -> None:
        """Write down durably what was proved. Raises OSError."""
        self._write(sealed, proof, now_ns)
        if (parcel := self.waiting.pop(sealed.path, None)) is not None:
            self.proved[sealed.path] = parcel

    def record_unproved(self, sealed: Sealed, now_ns: int, because: str) -> None:
        """Write down durably what is about to be deleted without a proof. Raises OSError."""
        known = self._records.get(sealed.path)
        if known is None or read_record(self._root, sealed.path) is None:
            self._write(sealed, "none", now_ns, because)

    def _write(
        self, sealed: Sealed, proof: Proof | Literal["none"], now_ns: int, because: str | None = None
    ) -> None:
        file, *beside = sealed.files
        self._keep(
            UploadRecord(
                schema_version=SCHEMA_VERSION,
                path=file.path,
                remote=self._remote,
                remote_path=remote_place(self._remote, file.path),
                bytes=file.bytes,
                sha256=file.sha256,
                proof=proof,
                verified_at_utc=utc_text(now_ns),
                sidecar_sha256=beside[0].sha256 if beside else "",
                sidecar=sealed.sidecar,
                cleaned_because=because,
                program_version=PROGRAM_VERSION,
            )
        )

    def cleaned(self, path: str, now_ns: int, because: str) -> None:
        """Write down durably that it is no longer here. Raises OSError."""
        record = read_record(self._root, path)
        if record is not None:
            cleaned = msgspec.structs.replace(
                record, cleaned_at_utc=utc_text(now_ns), cleaned_because=record.cleaned_because or because
            )
            write_record(self._root, cleaned)
        known = self._records.pop(path, None)
        self._cleaned += int(known is not None and known.holds and known.is_archive)
        self.gone(path)
        self._remove_emptied((self._root / path).parent, path, now_ns)

    def _remove_emptied(self, folder: Path, path: str, now_ns: int) -> None:
        """The folders of an hour that is long over, once nothing is in them."""
        start_ns = window_start_of(path.rpartition("/")[2])
        if start_ns is None or now_ns - start_ns < LONG_OVER_NS:
            return
        with suppress(OSError):  # they are not empty
            folder.rmdir()
            folder.parent.rmdir()

    def gone(self, path: str) -> None:
        """It is no longer here."""
        self.waiting.pop(path, None)
        self.proved.pop(path, None)
        self._finder.changed(path)

    def lost(self, path: str) -> None:
        """The remote no longer holds what was proved: it waits again from the next look on. Raises OSError."""
        DISK.remove(self._root / record_path(path))
        self._records.pop(path, None)
        self.proved.pop(path, None)

    def half_removed(self) -> list[UploadRecord]:
        """Records of archives whose removal a crash may have cut in two, or that somebody else took away."""
        missing = [
            path
            for path, known in self._records.items()
            if known.is_archive and path not in self.proved and path not in self.waiting
        ]
        gone = [path for path in missing if not (self._root / path).exists()]
        return [record for path in gone if (record := read_record(self._root, path)) is not None]

    def _keep(self, record: UploadRecord) -> None:
        write_record(self._root, record)
        self._note(record)
