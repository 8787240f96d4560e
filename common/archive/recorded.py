"""What was recorded of each session, read back from closed archives: for comparing with another account."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from common.archive.read import iterate_lines
from common.core.row_check import payload_of_row
from common.core.rows.websocket import MESSAGE_RECORD, SESSION_OPENED


class _Opened(msgspec.Struct, frozen=True):
    handshake_headers: dict[str, str] = msgspec.field(default_factory=dict)


class _Row(msgspec.Struct):
    record_type: str
    session_id: str
    message_sequence: int = 0
    session_opened: _Opened = _Opened()


_DECODER = msgspec.json.Decoder(_Row)


def payloads_by_cf_ray(archives: Iterable[Path]) -> Mapping[str, list[bytes]]:
    """The payloads of each session in the order of their sequences, by the cf-ray of its handshake.

    A sequence that stands in two rows gives its payload twice. Raises ArchiveError where an archive is torn.
    """
    rays: dict[str, str] = {}
    numbered: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    for path in archives:
        for line in iterate_lines(path):
            row = _DECODER.decode(line)
            if row.record_type == SESSION_OPENED:
                rays[row.session_id] = row.session_opened.handshake_headers.get("cf-ray", row.session_id)
            elif row.record_type == MESSAGE_RECORD:
                numbered[row.session_id].append((row.message_sequence, payload_of_row(line) or b""))
    return {
        rays.get(session_id, session_id): [payload for _, payload in sorted(messages)]
        for session_id, messages in numbered.items()
    }
