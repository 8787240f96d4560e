"""Archives of two lanes and several windows are read as one recording."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.archive.replay import archives_of, read_archive, replay
from common.archive.views.export import Wanted, export
from common.archive.views.parquet_file import exchange_in
from common.benchmark.books import record
from common.benchmark.frames import make_load
from common.core.audit.connections import BookAudit
from common.core.audit.heard import Heard
from common.core.books.checkpoint import same_levels
from common.core.events.reader import read_events
from common.core.market import Exchange
from common.core.rows.names import sidecar_path
from common.core.rows.websocket import GAP, SESSION_CLOSED
from common.errors import ArchiveError
from tests.archive.recordings import (
    PRODUCER,
    SECOND_NS,
    UP,
    Recorder,
    archive,
    change_sidecar,
    good_recording,
    rewrite,
)
from tests.archive.rows import NOON_NS
from tests.benchmark.test_figures import tokens_of


def test_messages_come_in_the_order_of_their_numbers_and_life_cycle_rows_where_they_happened(
    tmp_path: Path,
) -> None:
    good_recording(tmp_path)
    rows = list(read_archive(tmp_path))
    numbers = [row.global_message_sequence for row in rows if row.global_message_sequence]
    assert numbers == [*range(1, 81), *range(84, 91)]
    times = [row.received_monotonic_ns for row in rows]
    assert times == sorted(times)
    assert [row.record_type for row in rows].index(SESSION_CLOSED) == 72
    assert rows[-1].record_type == SESSION_CLOSED


def test_an_archive_that_lost_its_sidecar_is_read_in_the_same_order(tmp_path: Path) -> None:
    good_recording(tmp_path)
    before = list(read_archive(tmp_path))
    Path(sidecar_path(str(archive(tmp_path, 1)))).unlink()
    assert list(read_archive(tmp_path)) == before


def test_since_and_until_bound_the_receive_time(tmp_path: Path) -> None:
    good_recording(tmp_path)
    times = [row.received_at_ns for row in read_archive(tmp_path)]
    since, until = times[20], times[60]
    bounded = [row.received_at_ns for row in read_archive(tmp_path, since=since, until=until)]
    assert bounded == [at for at in times if since <= at < until]


def test_sessions_gaps_and_missing_messages_void_the_books(tmp_path: Path) -> None:
    good_recording(tmp_path)
    broken = [
        (step.row.record_type, step.broken.reason) for step in replay(read_archive(tmp_path)) if step.broken
    ]
    assert (GAP, "a gap: spool_full") in broken
    assert ("message", "messages are missing") in broken
    assert [reason for _, reason in broken].count("a new session") == 2


def test_the_books_of_a_replay_are_those_of_the_live_auditor_and_bear_the_exchanges_hashes(
    tmp_path: Path,
) -> None:
    now_s = 1_795_000_000
    tokens = tokens_of(now_s)
    load = make_load(tokens, now_s * 1000, count=400)
    record(tmp_path, tokens, load)
    live = BookAudit()
    steps = replay(read_archive(tmp_path))
    step = next(steps)
    assert step.row.record_type == "session_opened"
    for number, payload in enumerate((load.opening, *load.circle), start=1):
        events = read_events(payload)
        live.message(Heard("r", "s", number, now_s * 10**9), events)
        for _ in events:
            step = next(steps)
        for token in tokens:
            replayed, shown = step.books.by_token[token.token_id], live.shown(token.token_id)
            assert shown is not None
            audited = shown.book
            assert same_levels(replayed, audited)
            assert (replayed.timestamp_ms, replayed.hash) == (audited.timestamp_ms, audited.hash)
    verdicts = {judged.result.verdict for judged in live.take_results()}
    assert verdicts == {"agree"}
    assert next(steps, None) is None


def recorded_of(root: Path, exchange: Exchange, producer: str = PRODUCER, start_ns: int = NOON_NS) -> Path:
    recorder = Recorder(root, producer, start_ns, exchange=exchange)
    recorder.open(UP)
    recorder.messages(3)
    recorder.close_session()
    recorder.end()
    return root


def test_a_row_states_its_exchange_and_an_older_one_shows_it_by_its_url(tmp_path: Path) -> None:
    recorded_of(tmp_path / "a", "simulated")
    assert {row.exchange for row in read_archive(tmp_path / "a")} == {"simulated"}
    recorded_of(tmp_path / "b", "live")
    for path in archives_of(tmp_path / "b"):
        rewrite(path, lambda rows: [row.replace(b'"exchange":"live",', b"") for row in rows])
        change_sidecar(path, exchange=None)
    assert {row.exchange for row in read_archive(tmp_path / "b")} == {"live"}
    for path in archives_of(tmp_path / "b"):
        rewrite(
            path, lambda rows: [row.replace(b"wss://exchange.test/", b"ws://127.0.0.1:1/") for row in rows]
        )
    assert {row.exchange for row in read_archive(tmp_path / "b")} == {"simulated"}


@pytest.mark.parametrize("older", [False, True])
def test_simulated_and_live_archives_are_not_merged(tmp_path: Path, *, older: bool) -> None:
    live = recorded_of(tmp_path / "live", "live")
    simulated = recorded_of(tmp_path / "simulated", "simulated", f"{PRODUCER}b")
    if older:
        for path in archives_of(live):
            rewrite(path, lambda rows: [row.replace(b'"exchange":"live",', b"") for row in rows])
            change_sidecar(path, exchange=None)
    with pytest.raises(
        ArchiveError, match=rf"{live}/.* holds live data, {simulated}/.* holds simulated data: they"
    ):
        list(read_archive([live, simulated]))
    assert list(read_archive([live])), "each by itself is read"


def test_what_lies_outside_of_the_time_that_is_asked_for_does_not_matter(tmp_path: Path) -> None:
    recorded_of(tmp_path / "live", "live")
    recorded_of(tmp_path / "simulated", "simulated", f"{PRODUCER}b", NOON_NS + 3600 * SECOND_NS)
    until = NOON_NS + 60 * SECOND_NS
    rows = read_archive([tmp_path / "live", tmp_path / "simulated"], until=until)
    assert {row.exchange for row in rows} == {"live"}


def test_an_export_refuses_both_and_adds_to_no_tables_of_the_other(tmp_path: Path) -> None:
    live = recorded_of(tmp_path / "live", "live")
    simulated = recorded_of(tmp_path / "simulated", "simulated", f"{PRODUCER}b")
    with pytest.raises(ArchiveError, match="they are not merged"):
        export([live, simulated], tmp_path / "tables", Wanted())
    done = export(simulated, tmp_path / "tables", Wanted())
    assert {exchange_in(path) for path in done.files} == {"simulated"}
    before = {path: path.stat().st_mtime_ns for path in done.files}
    with pytest.raises(
        ArchiveError, match=r"tables: holds tables of simulated data, this is live: choose another --o"
    ):
        export(live, tmp_path / "tables", Wanted(), replace=True)
    assert {path: path.stat().st_mtime_ns for path in done.files} == before
    assert export(simulated, tmp_path / "tables", Wanted(), replace=True).files == done.files


def test_tables_of_an_older_version_are_of_no_known_exchange(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "old.parquet")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    assert exchange_in(tmp_path / "old.parquet") is None
    assert exchange_in(tmp_path / "torn.parquet") is None
