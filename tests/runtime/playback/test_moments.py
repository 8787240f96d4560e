import gzip
from pathlib import Path

import pytest

from common.archive.views.recorded_span import recorded_span
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.rows.websocket import SCHEMA_VERSION
from common.errors import ArchiveError
from common.runtime.playback.moments import Moment, items_of, moments, refuse_what_cannot_be_played, row_in
from common.runtime.playback.options import LOOK_BACK_NS, Playback
from tests.archive.legs import Hearing, record
from tests.archive.markets import World, world_of_both_protocols
from tests.archive.recordings import UP, Recorder, archive

WORLD = world_of_both_protocols(0, 6)


def recorded(root: Path, *hearings: Hearing, world: World = WORLD) -> Playback:
    for hearing in hearings or (Hearing(),):
        record(root, world, hearing)
    return Playback((root,))


def played(playback: Playback) -> list[Moment]:
    return list(moments(items_of(playback)))


def test_every_message_is_played_once_in_its_bytes_and_in_order(tmp_path: Path) -> None:
    found = played(recorded(tmp_path))
    assert [moment.frame.payload for moment in found] == [payload for _, payload in WORLD.messages]
    assert [moment.at_ns for moment in found] == sorted(moment.at_ns for moment in found)


def test_of_two_legs_a_message_is_played_once(tmp_path: Path) -> None:
    found = played(recorded(tmp_path, Hearing(), Hearing("b", late_ms=35)))
    opening = WORLD.messages[0][1]
    later = [moment.frame.payload for moment in found if b'"last_trade_price":"' not in moment.frame.payload]
    assert later == [payload for _, payload in WORLD.messages if b'"last_trade_price":"' not in payload]
    assert opening not in [moment.frame.payload for moment in found], "openings go out market by market"


def test_what_answered_the_recorder_alone_is_not_played(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP)
    for payload in (b"[]\n", b"PONG", b"INVALID OPERATION", b"NO NEW ASSETS", b"garbage"):
        recorder.hear(payload)
    recorder.close_session()
    recorder.end()
    [moment] = played(Playback((tmp_path,)))
    assert moment.frame.payload == b"garbage"
    assert [row_in(item).record_type for item in moment.before] == ["session_opened", *["message"] * 4]


def test_an_announcement_that_two_readers_heard_is_played_once_and_its_repeat_again(tmp_path: Path) -> None:
    said = b'{"event_type":"new_market","id":"1"}'
    for reader in (0, 1):
        recorder = Recorder(tmp_path, f"ws_reader-{reader}-run")
        recorder.open(UP)
        for _ in range(2):
            recorder.at_ns += NS_PER_SECOND
            recorder.hear(said)
        recorder.close_session()
        recorder.end()
    assert [moment.frame.payload for moment in played(Playback((tmp_path,)))] == [said, said]


def test_a_stretch_is_read_with_what_came_before_it(tmp_path: Path) -> None:
    playback = recorded(tmp_path)
    first_ns = played(playback)[0].at_ns
    since = Playback((tmp_path,), since_ns=first_ns + LOOK_BACK_NS - 1)
    assert played(since)[0].at_ns == first_ns
    until = Playback((tmp_path,), until_ns=first_ns + NS_PER_SECOND)
    assert 0 < len(played(until)) < len(WORLD.messages)


def test_what_cannot_be_played_is_refused_by_its_name(tmp_path: Path) -> None:
    def refusal(playback: Playback) -> str:
        with pytest.raises(ArchiveError) as refused:
            refuse_what_cannot_be_played(playback)
        return str(refused.value)

    assert f"{tmp_path / 'gone'}: there is no such archive" in refusal(Playback((tmp_path / "gone",)))
    assert f"{tmp_path}: there is no closed websocket archive" in refusal(Playback((tmp_path,)))
    recorded(tmp_path)
    at_ns = played(Playback((tmp_path,)))[0].at_ns
    for playback in (
        Playback((tmp_path,), since_ns=at_ns + 3600 * NS_PER_SECOND),
        Playback((tmp_path,), until_ns=at_ns - 3600 * NS_PER_SECOND),
        Playback((tmp_path,), since_ns=at_ns, until_ns=at_ns),
    ):
        span = recorded_span([tmp_path])
        assert span is not None
        assert f"the archives reach from {utc_text(span.since_ns)} to" in refusal(playback)
    assert "leg b" in refusal(Playback((tmp_path,), leg="b"))


def test_an_archive_of_a_newer_version_is_refused_by_file_and_field(tmp_path: Path) -> None:
    recorded(tmp_path)
    path = archive(tmp_path, 0)
    known, newer = f'"schema_version":{SCHEMA_VERSION}', f'"schema_version":{SCHEMA_VERSION + 1}'
    text = gzip.decompress(path.read_bytes()).replace(known.encode(), newer.encode())
    path.write_bytes(gzip.compress(text))
    with pytest.raises(ArchiveError, match=rf"{path.name}: its schema_version is {SCHEMA_VERSION + 1}"):
        refuse_what_cannot_be_played(Playback((tmp_path,)))
