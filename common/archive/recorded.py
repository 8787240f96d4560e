"""What was recorded of each session, read back from closed archives: for comparing with another account."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from common.archive.read import iterate_lines
from common.core.rows.reading import row_of
from common.core.rows.websocket import MESSAGE_RECORD, SESSION_OPENED


def payloads_by_cf_ray(archives: Iterable[Path]) -> Mapping[str, list[bytes]]:
    """The payloads of each session in the order of their sequences, by the cf-ray of its handshake.

    A sequence that occurs in two rows gives its payload twice. Raises ArchiveError where an archive is torn.
    """
    rays: dict[str, str] = {}
    numbered: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    for path in archives:
        for line in iterate_lines(path):
            row = row_of(line)
            session_id = row.session_id or ""
            if row.record_type == SESSION_OPENED:
                rays[session_id] = row.opened.handshake_headers.get("cf-ray", session_id)
            elif row.record_type == MESSAGE_RECORD:
                numbered[session_id].append((row.message_sequence, row.payload or b""))
    return {
        rays.get(session_id, session_id): [payload for _, payload in sorted(messages)]
        for session_id, messages in numbered.items()
    }
