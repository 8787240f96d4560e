"""The block of the status view that tells of uploads, and of the disk that fills while they do not go."""

import msgspec

from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.status.blocks import Block, Record
from common.core.status.disk_outlook import DiskOutlook
from common.core.terminal.text import Line, Style, size_text, span_text
from common.core.uploads.outlook import Upload


def upload_block(upload_row: Record, disk_row: Record, now_ns: int, *, running: bool) -> Block:
    """What waits, what is wrong, when the disk is full, and where it goes; of a stopped recorder no outlook."""
    upload, disk = msgspec.convert(upload_row, Upload), msgspec.convert(disk_row, DiskOutlook)
    alarms: list[Line] = [[("  ALARM ", "bad"), (words, "")] for words in upload.alarms]
    rows = [
        *alarms[:1],
        _error(upload, now_ns, running=running),
        _disk(disk, running=running),
        _remote(upload),
        *alarms[1:],
    ]
    return Block("UPLOAD", _remark(upload, now_ns), tuple((row,) for row in rows if row))


def _remark(upload: Upload, now_ns: int) -> str:
    """The backlog: a title is shown however few rows there are."""
    if upload.state is None:
        return "nothing heard of the uploader yet" if upload.enabled else "off"
    words = "behind: " if upload.behind else ""
    if upload.backlog_files == 0:
        words += "nothing waits, "
    elif upload.backlog_files is not None:
        words += f"{upload.backlog_files:,} waiting, {size_text(upload.backlog_bytes or 0)}, "
    if upload.oldest_waiting_at_utc is not None:
        words += f"oldest {_span(upload.oldest_waiting_at_utc, now_ns)}, "
    success = upload.last_success_at_utc
    return words + ("no success yet" if success is None else f"last success {_span(success, now_ns)} ago")


def _error(upload: Upload, now_ns: int, *, running: bool) -> Line:
    if not upload.last_error:
        return []
    when = f" {_span(upload.last_error_at_utc, now_ns)} ago" if upload.last_error_at_utc else ""
    again = ""
    if upload.failing and running and upload.next_attempt_at_utc is not None:
        wait_s = (parse_utc_ns(upload.next_attempt_at_utc) - now_ns) / NS_PER_SECOND
        again = f", again in {span_text(wait_s)}"
    colour: Style = "bad" if upload.failing else "dim"
    return [
        (f"  {'failing' if upload.failing else 'failed'}{when}{again}: ", colour),
        (upload.last_error, ""),
    ]


def _disk(disk: DiskOutlook, *, running: bool) -> Line:
    if disk.free_bytes is None or disk.total_bytes is None:
        return []
    free = f"{size_text(disk.free_bytes)} of {size_text(disk.total_bytes)} free"
    if not disk.words or not running:
        return [(f"  disk {free}", "dim")]
    return [(f"  {disk.words}", "bad" if disk.full_soon else ""), (f"   {free}", "dim")]


def _remote(upload: Upload) -> Line:
    if upload.state is None:
        return []
    verified = "" if upload.verified_files is None else f"   {upload.verified_files:,} verified"
    return [(f"  {upload.state}, to {upload.remote or 'no remote'}{verified}", "dim")]


def _span(utc: str, now_ns: int) -> str:
    return span_text((now_ns - parse_utc_ns(utc)) / NS_PER_SECOND)
