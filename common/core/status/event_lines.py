"""The events of a run manifest as lines, each once however often the manifest is read."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from common.core.operator_events.event import OperatorEvent, events_of


class SeenEvents:
    """Remembers which events of which run were shown."""

    def __init__(self) -> None:
        self._run_id = ""
        self._last_id = 0

    def lines(self, manifest: Mapping[str, Any], *, as_json: bool) -> Iterator[str]:
        """Those not shown yet, the oldest first; a line says how many were pushed out before they could be."""
        if manifest["run_id"] != self._run_id:
            self._run_id, self._last_id = manifest["run_id"], 0
        for event in events_of(manifest.get("events", [])):
            if event.id <= self._last_id:
                continue
            missed, self._last_id = event.id - self._last_id - 1, event.id
            if missed and not as_json:  # in JSON the ids say it
                yield f"({missed} older events are no longer kept)"
            yield msgspec.json.encode(event).decode() if as_json else _line(event)


def _line(event: OperatorEvent) -> str:
    return f"{event.at_utc}  {event.event:<10}  {event.text}"
