"""What lies on disk and at the remote, for the page."""

from collections.abc import Mapping
from typing import Any

from common.core.terminal.text import rough_span_text

MOST_ARCHIVES = 12
Row = Mapping[str, Any]


def storage_view(document: Row) -> dict[str, Any]:
    """Disk outlook, archives, uploads and their alarms of a run manifest."""
    disk, upload, counters = document["disk"], document["upload"], document["counters"]
    full_in_s = disk["full_in_seconds"]
    closed = document["closed_archives"]
    return {
        "disk": disk,
        "full_in": None if full_in_s is None else rough_span_text(full_in_s),
        "upload": upload,
        "written_bytes": counters.get("archive_bytes_written_total", 0),
        "archives_closed": counters.get("archives_closed_total", 0),
        "archives_recovered": counters.get("archives_recovered_total", 0),
        "archives_cleaned": counters.get("archives_cleaned_total", 0),
        "uploads_verified": counters.get("uploads_verified_total", 0),
        "open": [_archive(row) for row in document["open_archives"]],
        "closed": [_archive(row) for row in list(reversed(closed))[:MOST_ARCHIVES]],
    }


def _archive(archive: Row) -> dict[str, Any]:
    return {
        key: archive.get(key) for key in ("name", "stream", "rows", "bytes", "opened_at_utc", "closed_at_utc")
    }
