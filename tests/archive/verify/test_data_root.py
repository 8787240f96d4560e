"""Verification: a good recording is clean, and each alteration is named."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from common.archive.read import closed_archives
from common.archive.verify.data_root import verify_paths
from common.core.market import Exchange
from common.core.rows.names import sidecar_path
from common.locks import FileLock
from common.runtime.data_root import claim_data_root
from procs.commands import verify_archives
from tests.archive.recordings import (
    DOWN,
    NEXT,
    PRODUCER,
    SECOND_NS,
    UP,
    Recorder,
    archive,
    change_sidecar,
    good_recording,
    rewrite,
    told,
    verified,
    without_type,
)
from tests.archive.rows import NOON_NS

OTHER_ROW = b'{"record_type":"other","received_at_ns":1}\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    good_recording(tmp_path)
    assert len(closed_archives(tmp_path)) == 4
    return tmp_path


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)


def alter_a_payload(rows: list[bytes]) -> list[bytes]:
    at = next(at for at, row in enumerate(rows) if b'\\"n\\": 30' in row)
    return [*rows[:at], rows[at].replace(b'\\"n\\": 30', b'\\"n\\": 31'), *rows[at + 1 :]]


def test_a_good_recording_is_clean(root: Path) -> None:
    found = verified(root)
    assert found.findings == ()
    assert found.notes == ()
    assert (found.archives, found.rows) == (4, 87 + 7)


def test_a_folder_without_archives_proves_nothing_says_so_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["--data-root", str(tmp_path)], [str(tmp_path)]):
        assert verify_archives.main(arguments) == 1
        assert (
            f"error: there is no closed archive in {tmp_path}, so nothing is proved"
            in capsys.readouterr().out
        )


def test_other_bytes_than_the_sidecars_come_first_however_many_rows_they_spoil(root: Path) -> None:
    path = archive(root, 0)
    rewrite(path, lambda rows: [b"{torn\n"] * len(rows))
    change_sidecar(path, sha256="0" * 64)
    words = told(root)
    assert words[0].startswith(f"sidecar: its sidecar says sha256 {'0' * 64}, found ")
    assert any("more findings in its rows" in each for each in words)


def test_a_sidecar_of_a_newer_version_is_told_with_both_versions(root: Path) -> None:
    change_sidecar(archive(root, 0), schema_version=2, program_version="9.9.9")
    [words] = told(root)
    assert words.startswith(
        "sidecar: of its sidecar: its schema_version is 2, as version 9.9.9 of this program"
    )


def test_the_coverage_tells_connected_time_gaps_and_messages(root: Path) -> None:
    first, second = verified(root).coverage.sessions
    assert (first.session_id, first.connected_seconds, first.messages) == (f"{PRODUCER}-c1", 70.0, 70)
    assert first.messages_by_token == {UP.token_id: 50, DOWN.token_id: 20}
    assert (second.connected_seconds, second.messages, second.close_reason) == (20.0, 17, "recorder_stopping")
    tokens = {token.token_id: token for token in verified(root).coverage.tokens}
    up, late = tokens[UP.token_id], tokens[NEXT.token_id]
    assert (up.connected_seconds, up.gap_seconds, up.paused_seconds, up.messages) == (87.0, 8.0, 0.0, 57)
    assert (late.from_utc, late.connected_seconds, late.messages) == ("2026-11-23T12:00:50.000000Z", 37.0, 10)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (flip_a_bit, ["torn: torn or altered", "sidecar: its sidecar says sha256"]),
        (
            lambda path: path.write_bytes(path.read_bytes()[:-9]),
            ["torn: torn at byte", "sidecar: its sidecar says bytes", "sidecar: its sidecar says sha256"],
        ),
        (
            lambda path: rewrite(path, lambda rows: [*rows[:3], *rows[4:]]),
            [
                "sidecar: its sidecar lists session",
                f"sidecar: its sidecar says rows of {PRODUCER} 33, found 32",
                "sequence: global_message_sequence 3 missing, and no gap row declares it",
            ],
        ),
        (
            lambda path: rewrite(path, lambda rows: [*rows[:4], *rows[3:]]),
            [
                f"row: row 5: message_sequence 3 of session {PRODUCER}-c1 stands behind 3",
                "sidecar: its sidecar lists session",
                f"sidecar: its sidecar says rows of {PRODUCER} 33, found 34",
            ],
        ),
        (
            lambda path: rewrite(path, lambda rows: [*rows[:3], rows[4], rows[3], *rows[5:]]),
            [f"row: row 5: message_sequence 3 of session {PRODUCER}-c1 stands behind 8"],
        ),
        (
            lambda path: rewrite(path, lambda rows: [*rows[:1], OTHER_ROW, *rows[2:]]),
            ["row: row 2: unknown record_type 'other'"],
        ),
        (
            lambda path: rewrite(
                path,
                lambda rows: [
                    rows[0].replace(b'"session_opened":{', b'"session_closed":[],"x":{'),
                    *rows[1:],
                ],
            ),
            ["row: row 1: no readable life-cycle row"],
        ),
        (
            lambda path: rewrite(
                path,
                lambda rows: [
                    *rows[:2],
                    rows[2].replace(b'"global_message_sequence":2', b'"global_message_sequence":9'),
                    *rows[3:],
                ],
            ),
            [
                "row: row 3: message_sequence 2 with global_message_sequence 9, though in this session they differ by 0"
            ],
        ),
        (
            lambda path: rewrite(path, lambda rows: [*rows[:2], b"{torn\n", *rows[3:]]),
            ["row: row 3: no readable row"],
        ),
        (
            lambda path: change_sidecar(path, last_received_at_utc="2026-11-23T12:00:58.000000Z"),
            ["sidecar: its sidecar says last_received_at_utc"],
        ),
        (lambda path: change_sidecar(path, lane=1), ["sidecar: its sidecar says lane 1, found 0"]),
        (lambda path: Path(sidecar_path(str(path))).unlink(), ["sidecar: has no sidecar"]),
        (lambda path: Path(sidecar_path(str(path))).write_text("{"), ["sidecar: its sidecar cannot be read"]),
        (lambda path: path.unlink(), ["leftover: is a sidecar, but its archive is not here"]),
    ],
)
def test_each_alteration_of_a_file_is_named(
    root: Path, spoil: Callable[[Path], None], said: list[str]
) -> None:
    spoil(archive(root, 0))
    found = told(root)
    for words in said:
        assert [each for each in found if each.startswith(words)], (words, found)


def test_an_altered_payload_is_named_with_its_row(root: Path) -> None:
    rewrite(archive(root, 1), alter_a_payload)
    [words] = told(root)
    assert words.startswith("row: row 15: payload_sha256 is ")


def test_a_torn_or_missing_archive_is_reported_once_and_not_again_as_a_hole(root: Path) -> None:
    archive(root, 3).unlink()
    assert told(root) == ["leftover: is a sidecar, but its archive is not here"]


@pytest.mark.parametrize(("index", "lane"), [(0, 0), (1, 1), (2, 0), (3, 1)])
def test_an_archive_that_is_gone_with_its_sidecar_is_missed(root: Path, index: int, lane: int) -> None:
    gone = archive(root, index)
    gone.unlink()
    Path(sidecar_path(str(gone))).unlink()
    found = told(root)
    assert found[0].startswith(f"lane: lane {lane}: lane sequences ")
    assert "are in no archive" in found[0]
    assert any("missing, and no gap row declares it" in words for words in found)


def test_an_archive_that_is_there_twice_is_named(root: Path) -> None:
    original = archive(root, 1)
    copy = original.with_name(original.name.replace("_l1_", "_l2_"))
    copy.write_bytes(original.read_bytes())
    Path(sidecar_path(str(copy))).write_bytes(Path(sidecar_path(str(original))).read_bytes())
    change_sidecar(copy, archive=copy.name, lane=2)
    assert any("are in another archive too" in words for words in told(root))


def test_lost_messages_without_their_gap_row_are_a_finding(root: Path) -> None:
    last = archive(root, 2)
    rewrite(last, lambda rows: [row for row in rows if b'"spool_full"' not in row])
    words = next(words for words in told(root) if words.startswith("sequence"))
    assert words == (
        "sequence: global_message_sequence 81 to 83 missing, and no gap row declares it"
        f" (session {PRODUCER}-c2, message_sequence 11)"
    )


def test_an_outage_without_its_gap_row_is_a_finding(root: Path) -> None:
    rewrite(archive(root, 2), lambda rows: [row for row in rows if b'"cause":"cut"' not in row])
    words = next(words for words in told(root) if words.startswith("coverage"))
    assert words.startswith("coverage: 2026-11-23T12:01:10.000000Z to 2026-11-23T12:01:14.999999Z: 3 tokens")


def test_a_session_without_its_end_is_a_finding(root: Path) -> None:
    rewrite(archive(root, 2), without_type("session_closed"))
    assert f"session: session {PRODUCER}-c2 has no session_closed row" in told(root)


def test_a_tail_that_the_session_counted_is_missed(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP)
    recorder.messages(5)
    recorder.messages(2, kept=False)
    recorder.close_session()
    recorder.end()
    assert [words[:44] for words in told(tmp_path)] == ["sequence: global_message_sequence 6 to 7 mis"]


def test_a_gap_row_that_declares_what_is_there_is_a_finding(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP)
    recorder.messages(5)
    gap = {"first_global_message_sequence": 4, "last_global_message_sequence": 5}
    recorder.control("gap", {"cause": "spool_full", "from_utc": "?", "to_utc": "?", **gap})
    recorder.close_session()
    recorder.end()
    assert told(tmp_path) == [
        "sequence: global_message_sequence 4 to 5 recorded, though a gap row declares it lost"
    ]


def test_a_token_dropped_and_taken_up_again_was_uncovered_meanwhile(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP, DOWN)
    recorder.messages(2)
    recorder.change(UP)
    recorder.messages(2)
    recorder.change(UP, DOWN)
    recorder.close_session()
    recorder.end()
    [words] = told(tmp_path)
    assert words.startswith("coverage: 2026-11-23T12:00:02")
    assert "1 tokens in no session" in words


def test_a_wall_clock_that_was_set_hides_no_uncovered_time(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP, DOWN)
    recorder.messages(2)
    recorder.wall_ahead_ns = 7200 * SECOND_NS
    recorder.change(UP)
    recorder.messages(3)
    recorder.wall_ahead_ns = 0
    recorder.change(UP, DOWN)
    recorder.close_session()
    recorder.end()
    assert [words[:70] for words in told(tmp_path)] == [
        "coverage: 2026-11-23T12:00:02.000000Z to 2026-11-23T12:00:04.999999Z: "
    ]
    [session] = verified(tmp_path).coverage.sessions
    assert session.connected_seconds == 5.0


def test_a_restored_part_is_clean_only_where_that_is_said(root: Path) -> None:
    for gone in closed_archives(root)[:2]:
        gone.unlink()
        Path(sidecar_path(str(gone))).unlink()
    assert told(root) != []
    assert told(root, partial=True) == []
    assert verify_paths([root], progress=lambda _rows: None).findings == ()


def test_a_gap_before_the_first_session_is_no_session(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.gap("not_yet_connected", recorder.at_ns - SECOND_NS)
    recorder.open(UP)
    recorder.messages(5)
    recorder.close_session()
    recorder.end()
    found = verified(tmp_path)
    assert found.findings == ()
    assert len(found.coverage.sessions) == 1


def test_a_pause_between_two_runs_is_told_and_no_finding(tmp_path: Path) -> None:
    for n in (0, 1):
        recorder = Recorder(tmp_path, f"{PRODUCER}{n}", 1_795_435_200_000_000_000 + n * 100 * SECOND_NS)
        recorder.open(UP)
        recorder.messages(10)
        recorder.close_session()
        recorder.end()
    found = verified(tmp_path)
    assert found.findings == ()
    assert [token.paused_seconds for token in found.coverage.tokens] == [90.0]


def test_what_a_power_cut_took_is_a_note_and_what_it_left_open_a_finding(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP)
    recorder.messages(10)
    recorder.commit()
    recorder.messages(10)
    recorder.stores[1].commit()  # lane 0 loses what it had since the common commit
    recorder.leave()
    assert [words[:40] for words in told(tmp_path)] == ["leftover: was left open by a crash; bin/"] * 2
    Recorder(tmp_path, "another").leave()
    found = verified(tmp_path)
    assert found.findings == ()
    assert found.notes == (
        f"{PRODUCER} was cut off: of what followed global_message_sequence 10 some may be missing",
    )


def test_open_files_of_a_running_recorder_are_no_finding(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(UP)
    recorder.messages(70)
    recorder.commit()
    lock = FileLock(tmp_path / ".recorder.lock", "here")
    found = verified(tmp_path)
    assert (found.archives, found.findings) == (2, ())
    assert found.notes == ("a recorder is running here: what it has open was not read",)
    lock.release()
    recorder.leave()


def test_unknown_leftovers_of_a_crash_are_named(root: Path) -> None:
    folder = archive(root, 0).parent
    (folder / ".a.jsonl.gz.orphan").touch()
    (folder / ".a.jsonl.gz.manifest.json.tmp").touch()
    assert [words[:30] for words in told(root)] == [
        "leftover: is the beginning of ",
        "leftover: was set aside by a r",
    ]


def test_the_command_says_what_it_found_and_exits_by_it(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data-root", str(root)]
    assert verify_archives.main(arguments) == 0
    said = capsys.readouterr().out
    assert said.startswith("0 findings in 4 archives, 94 rows, ")
    assert "btc-updown-5m-1 Down" in said
    flip_a_bit(archive(root, 1))
    assert verify_archives.main([*arguments, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["findings"][0]["where"].endswith(archive(root, 1).name)
    assert document["coverage"]["sessions"][0]["messages"] > 0
    assert verify_archives.main([str(archive(root, 0))]) == 0
    assert verify_archives.main([str(root / "nowhere")]) == 1
    assert "there is no such file or folder" in capsys.readouterr().err


OTHER_PRODUCER = "ws_reader-0-20261123T120000Z-ffffff"


def recording_of(
    root: Path, exchange: Exchange, *, start_ns: int = NOON_NS, producer: str = PRODUCER
) -> None:
    recorder = Recorder(root, producer, start_ns, exchange=exchange)
    recorder.open(UP)
    recorder.messages(3)
    recorder.close_session()
    recorder.end()


def test_simulated_data_is_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording_of(tmp_path, "simulated")
    assert verify_archives.main(["--data-root", str(tmp_path)]) == 0
    assert (
        "note: this is simulated data: it was recorded from the embedded exchange" in capsys.readouterr().out
    )
    assert verified(tmp_path).exchanges == ("simulated",)
    recording_of(tmp_path / "live", "live")
    assert verify_archives.main(["--data-root", str(tmp_path / "live")]) == 0
    assert "simulated" not in capsys.readouterr().out


def test_simulated_data_among_live_data_is_found(tmp_path: Path) -> None:
    recording_of(tmp_path / "one", "live")
    recording_of(tmp_path / "two", "simulated", producer=OTHER_PRODUCER)
    for path in closed_archives(tmp_path / "two"):
        for file in (path, Path(sidecar_path(str(path)))):
            file.rename(tmp_path / "one" / file.relative_to(tmp_path / "two"))
    [finding] = verified(tmp_path / "one").findings
    assert finding.kind == "exchange"
    assert "ffffff" in finding.where
    assert finding.words.startswith("holds simulated data among archives of live data, as do 0 more archives")
    claim_data_root(tmp_path / "three", "simulated", NOON_NS)
    (tmp_path / "one" / "identity.json").write_bytes((tmp_path / "three" / "identity.json").read_bytes())
    [finding] = verified(tmp_path / "one").findings
    assert "holds live data among a data root of simulated data" in finding.words


def test_folders_of_both_exchanges_are_not_verified_as_one_recording(tmp_path: Path) -> None:
    recording_of(tmp_path / "one", "live")
    recording_of(tmp_path / "two", "simulated", producer=OTHER_PRODUCER)
    found = verify_paths([tmp_path / "one", tmp_path / "two"], progress=lambda _rows: None)
    assert [finding.kind for finding in found.findings] == ["exchange"]
    assert found.exchanges == ("live", "simulated")


def test_rows_of_both_exchanges_in_one_archive_are_found(tmp_path: Path) -> None:
    recording_of(tmp_path, "live")
    path = archive(tmp_path, 0)
    rewrite(
        path, lambda rows: [*rows[:-1], rows[-1].replace(b'"exchange":"live"', b'"exchange":"simulated"')]
    )
    assert any(
        words.startswith("exchange: row 5: is simulated data, those before it are live data")
        for words in told(tmp_path)
    )


def test_a_sidecar_of_another_exchange_than_its_rows_is_found(tmp_path: Path) -> None:
    recording_of(tmp_path, "simulated")
    change_sidecar(archive(tmp_path, 0), exchange="live")
    assert told(tmp_path) == ["sidecar: its sidecar says exchange live, found simulated"]


def test_rows_of_an_older_version_are_judged_by_their_url(tmp_path: Path) -> None:
    recording_of(tmp_path, "live")
    for path in closed_archives(tmp_path):
        rewrite(path, lambda rows: [row.replace(b'"exchange":"live",', b"") for row in rows])
        change_sidecar(path, exchange=None)
    found = verified(tmp_path)
    assert (found.findings, found.exchanges) == ((), ("live",))


def test_a_damaged_identity_is_a_finding(tmp_path: Path) -> None:
    recording_of(tmp_path, "live")
    (tmp_path / "identity.json").write_bytes(b"\0" * 100)
    [finding] = verified(tmp_path).findings
    assert (finding.kind, finding.where) == ("identity", "identity.json")
    assert finding.words.startswith("is damaged (")
    assert finding.words.endswith("keeps it aside and makes a new one")
