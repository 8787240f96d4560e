"""What of a data root waits for the remote, and what is proved and still here."""

from pathlib import Path

import msgspec

from common.archive.ledger import stored_ledgers
from common.archive.parcels import find_parcels, is_sample
from common.archive.sealed import Sealed
from common.archive.upload_records import upload_records, write_record
from common.core.archive_names import WS_RAW, window_start_of
from common.core.instants import utc_text
from common.core.upload_record import SCHEMA_VERSION, Proof, UploadRecord, record_path, remote_place
from common.core.upload_turns import Parcel
from common.files import DISK
from common.locks import is_locked

RECORDER_LOCK = ".recorder.lock"
SAMPLE_VERDICT = "manifests/checkpoint_010b_ws_raw_sample.json"


class Stock:
    """Records are read once and then followed; `look` lists what is here now.

    `waiting` are not proved yet, `proved` are, and still here; both by path, oldest data first. `odd` maps what
    is no parcel to the reason in words.
    """

    def __init__(self, data_root: Path, remote: str, verify: Proof) -> None:
        self.waiting: dict[str, Parcel] = {}
        self.proved: dict[str, Parcel] = {}
        self.odd: dict[str, str] = {}
        self.records: dict[str, UploadRecord] = {}
        self._root, self._remote, self._verify = data_root, remote, verify
        self._last_ledger_ns: int | None = None
        self._live = self._read = False

    def look(self) -> None:
        """List the data root anew. Raises OSError."""
        if not self._read:
            self.records = {record.path: record for record in upload_records(self._root)}
            self._read = True
        found = find_parcels(self._root)
        self.odd, self.waiting, self.proved = found.odd, {}, {}
        for parcel in found.parcels:
            (self.proved if self._holds(parcel.path) else self.waiting)[parcel.path] = parcel
        self._last_ledger_ns = max(stored_ledgers(self._root, WS_RAW), default=None)
        self._live = self._is_live()

    def _is_live(self) -> bool:
        try:
            return is_locked(self._root / RECORDER_LOCK)
        except OSError:
            return True  # nobody knows, so nothing is deleted that it may need

    def _holds(self, path: str) -> bool:
        record = self.records.get(path)
        return record is not None and record.holds_for(self._remote, self._verify)

    @property
    def to_clean(self) -> list[Parcel]:
        """Those that are proved, here, and needed here no more, also if a recorder has begun since the look."""
        self._live = self._live or self._is_live()
        return [parcel for parcel in self.proved.values() if not self.must_stay(parcel)]

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

    def proofs_at_utc(self) -> list[str]:
        """When each archive was proved that is at the remote, those that are no longer here included."""
        return [
            record.verified_at_utc
            for record in self.records.values()
            if record.is_archive and self._holds(record.path)
        ]

    def record(self, sealed: Sealed, proof: Proof, now_ns: int) -> None:
        """Write down durably what was proved. Raises OSError."""
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
            )
        )
        if (parcel := self.waiting.pop(file.path, None)) is not None:
            self.proved[file.path] = parcel

    def cleaned(self, path: str, now_ns: int) -> None:
        """Write down durably that it is no longer here. Raises OSError."""
        self._keep(msgspec.structs.replace(self.records[path], cleaned_at_utc=utc_text(now_ns)))
        self.proved.pop(path, None)

    def gone(self, path: str) -> None:
        """It is no longer here."""
        self.waiting.pop(path, None)
        self.proved.pop(path, None)

    def lost(self, path: str) -> None:
        """The remote no longer holds what was proved: it waits again from the next look on. Raises OSError."""
        DISK.remove(self._root / record_path(path))
        self.records.pop(path, None)
        self.proved.pop(path, None)

    def half_removed(self) -> list[UploadRecord]:
        """Records of archives whose removal a crash may have cut in two, or that somebody else took away."""
        return [
            record
            for record in self.records.values()
            if record.is_archive and record.cleaned_at_utc is None and not (self._root / record.path).exists()
        ]

    def _keep(self, record: UploadRecord) -> None:
        write_record(self._root, record)
        self.records[record.path] = record
