"""The events of a run and the two settings that send something out, as the manifest process drives them."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from common.core.operator_events.event import OperatorEvent
from common.core.operator_events.lasting import lasting_now
from common.core.operator_events.watch import EventWatch, Seen
from common.core.page.verdict import level_of
from common.core.status.reference import reference_warnings
from common.runtime.process import Runtime
from common.runtime.run.details import ManifestDetails
from common.runtime.run.facts import last_details
from common.status.board import Status
from common.status.run_manifest import books_of

if TYPE_CHECKING:
    from common.notify.heartbeat import Heartbeat
    from common.notify.webhook import Webhook


class Outside:
    """Notes each look, and lets what is due go out. A restart of the process goes on where its last facts stand."""

    def __init__(self, runtime: Runtime) -> None:
        before = last_details(runtime.run_dir, runtime.name, ManifestDetails)
        assignment = runtime.assignment
        self._runtime = runtime
        self._watch = EventWatch(
            run_id=assignment.run_id,
            host=assignment.host,
            exchange=assignment.exchange,
            before=before.events if before else (),
        )
        self._webhook = _webhook(runtime, (before.events_posted if before else None) or 0)
        self._heartbeat = _heartbeat(runtime)

    def note(self, status: Status) -> None:
        """Take a look, about once a second."""
        clock = self._runtime.clock
        manifest = status.manifest
        few = {
            "state": manifest.state,
            "problems": manifest.problems,
            "legs": [{"up": leg.up} for leg in manifest.legs],
        }
        level = level_of(few, status.health, silent_s=status.since_market_message_s)
        lasting = lasting_now(
            level,
            status.health,
            problems=manifest.problems,
            legs=manifest.legs,
            unhealed=books_of(manifest).unhealed,
            upload=manifest.upload,
            disk=manifest.disk,
            reference=reference_warnings(manifest.reference, clock.wall_ns()),
        )
        self._watch.note(
            Seen(
                wall_ns=clock.wall_ns(),
                monotonic_ns=clock.monotonic_ns(),
                level=level,
                lasting=lasting,
                divergences=manifest.counters.get("divergences_total", 0),
                gaps=status.gaps_by_reader,
                legs=len(manifest.legs),
            )
        )
        if self._heartbeat is not None:
            self._heartbeat.step(clock.monotonic_ns(), healthy=status.health.ok)

    def step(self) -> None:
        """Post what waits. Never waits."""
        if self._webhook is not None:
            self._webhook.step(self._watch.recent, self._runtime.clock.monotonic_ns())

    @property
    def events(self) -> Collection[OperatorEvent]:
        """The newest events of the run."""
        return self._watch.recent

    @property
    def posted(self) -> int | None:
        """The number of the last event that was posted, None where none are."""
        return self._webhook.posted if self._webhook is not None else None


def _webhook(runtime: Runtime, posted: int) -> "Webhook | None":
    settings = runtime.settings
    if not settings.notify.webhook_url:
        return None
    from common.notify.webhook import Webhook  # noqa: PLC0415 - HTTP costs memory, only for who wants it

    ca_file = settings.websocket.ca_file
    return Webhook(settings.notify.webhook_url, runtime.tally, ca_file=ca_file, posted=posted)


def _heartbeat(runtime: Runtime) -> "Heartbeat | None":
    settings = runtime.settings
    if not settings.notify.heartbeat_url:
        return None
    from common.notify.heartbeat import Heartbeat  # noqa: PLC0415 - likewise

    interval_s, ca_file = settings.notify.heartbeat_interval_seconds, settings.websocket.ca_file
    return Heartbeat(settings.notify.heartbeat_url, interval_s, runtime.tally, ca_file=ca_file)
