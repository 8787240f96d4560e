"""Uploads closed archives to the remote while the recorder runs, proves them there, and cleans up if asked.

One pass at a time works in the background, at low priority; everything it needs to go on is on disk, so this
process may die at any time.
"""

import logging
import os
import queue
import random

import msgspec

from common.core.backoff import Backoff
from common.core.instants import NS_PER_SECOND
from common.core.uploads.judgement import UploadEvent
from common.core.uploads.outlook import UploadStated
from common.errors import RecorderError
from common.locks import FileLock
from common.remote.rclone import Rclone
from common.runtime.background import BackgroundCall
from common.runtime.process import Runtime, main
from common.uploads.account import UploadAccount, counter_of
from common.uploads.expiry import Expiry
from common.uploads.lock import retention_of, take_lock, take_uploads
from common.uploads.passes import Uploads
from common.uploads.stock import Stock

NICENESS = 10
FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 300.0  # a remote that was away for a week is found soon after it is back

log = logging.getLogger("uploader")


class Uploader:
    """Makes a pass every `upload.interval_seconds`; after one that failed it waits longer and longer."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._account = UploadAccount(runtime.settings.upload.remote)
        self._backoff = Backoff(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S, chance=random.random)
        self._events: queue.SimpleQueue[UploadEvent] = queue.SimpleQueue()
        self._lock: FileLock | None = None
        self._remote: Rclone | None = None
        self._uploads: Uploads | None = None
        self._expiry: Expiry | None = None
        self._call: BackgroundCall[str] | None = None
        self._next_ns = 0
        self._next_attempt_ns: int | None = None
        self._stopping = False
        os.nice(NICENESS)

    def step(self, timeout_s: float) -> bool:
        """Begin a pass when it is time, and tell what it does. False as soon as asked to stop."""
        now = self._runtime.clock.monotonic_ns()
        self._note_events()
        if self._stopping:
            return False
        if self._call is not None and self._call.done:
            words = self._call.result()
            self._call = None
            self._note_events()
            self._wait(now, failed=bool(words))
        elif self._call is None and now >= self._next_ns:
            self._begin(now)
        self._runtime.clock.sleep(timeout_s)
        return True

    def _begin(self, now: int) -> None:
        try:
            if self._lock is None:
                self._take()
        except RecorderError as error:
            self._events.put(UploadEvent("away", "", str(error)))
            self._wait(now, failed=True)
            return
        self._next_attempt_ns = None
        self._call = BackgroundCall(self._pass)

    def _pass(self) -> str:
        words = self._uploads.run_pass() if self._uploads is not None else ""
        return (self._expiry.run_pass() if self._expiry is not None else "") or words

    def _take(self) -> None:
        root, settings = self._runtime.data_root, self._runtime.settings
        upload, retention = settings.upload, retention_of(settings)
        if upload.enabled:
            self._lock, self._remote = take_uploads(root, upload)
            self._uploads = Uploads(
                root,
                self._remote,
                verify=upload.verify,
                clean_up=upload.cleanup_after_verify,
                retention=retention,
                tell=self._events.put,
                clock=self._runtime.clock,
            )
        else:
            self._lock = take_lock(root)
        if settings.retention.deletes_unproved:
            stock = self._uploads.stock if self._uploads is not None else Stock(root, "", "read_back")
            self._expiry = Expiry(root, stock, retention, self._events.put)

    def _wait(self, now: int, *, failed: bool) -> None:
        if failed:
            asked_s = self._uploads.retry_after_s if self._uploads else 0.0
            wait_s = max(self._backoff.next_wait_s(), asked_s)
            self._next_attempt_ns = self._runtime.clock.wall_ns() + int(wait_s * NS_PER_SECOND)
        else:
            self._backoff.reset()
            wait_s = self._runtime.settings.upload.interval_seconds
        self._next_ns = now + int(wait_s * NS_PER_SECOND)

    def _note_events(self) -> None:
        while not self._events.empty():
            event = self._events.get()
            self._account.note(event, self._runtime.clock.wall_ns())
            if (counter := counter_of(event)) is not None:
                self._runtime.tally.add(counter)
            _log(event)

    def stop(self) -> None:
        """What is under way is given up: the next run goes on from what is on disk."""
        self._stopping = True
        if self._remote is not None:
            self._remote.interrupt()

    def details(self) -> UploadStated:
        """What is here, and backlog, last success, last error and alarms, as the run manifest shows them."""
        stated = self._account.stated(self._uploads.figures if self._uploads else None, self._next_attempt_ns)
        if not self._runtime.settings.retention.deletes_unproved:
            return stated
        return msgspec.structs.replace(stated, held_bytes=self._expiry.held_bytes if self._expiry else None)

    def close(self) -> None:
        """Let the next uploader in."""
        if self._lock is not None:
            self._lock.release()


def _log(event: UploadEvent) -> None:
    match event.kind:
        case "verified":
            log.info("archive proved", extra={"path": event.path, "proof": event.words, "bytes": event.bytes})
        case "cleaned":
            log.info("archive cleaned", extra={"path": event.path, "because": event.words})
        case "alarm":
            log.error("upload alarm", extra={"path": event.path, "reason": event.words})
        case "failed":
            log.warning("upload failed", extra={"path": event.path, "reason": event.words})
        case "away":
            log.warning("uploads interrupted", extra={"reason": event.words})


if __name__ == "__main__":
    main(Uploader)
