"""The sample's gate, manifest and report, from archives on disk."""

import gzip
import hashlib
import json
import re
import shlex
import subprocess
from pathlib import Path

import duckdb
import msgspec
import pytest

from common.archive.read import closed_archives
from common.core.market import Market
from common.core.rows.names import SIDECAR_SUFFIX
from common.core.sample.account import Reason, SampleManifest, SampleRun
from common.core.sample.gate import NEEDS_REVIEW, PASS
from common.errors import ArchiveError
from common.sample.report import report_text
from common.sample.results import judge_sample, write_sample_results
from tests.sample.samples import (
    checkpoint_row,
    gap_row,
    market,
    message_row,
    refused_row,
    rest_book,
    sample_run,
    write_sample,
)

MESSAGES = [
    message_row(1),
    message_row(2, kind="PONG", text="PONG"),
    message_row(3, kind="price_change"),
    message_row(4, kind="unknown:new_thing"),
]
CHECKPOINTS = [checkpoint_row(1), checkpoint_row(2)]


def judged(root: Path, run: SampleRun | None = None) -> SampleManifest:
    return judge_sample(root, run or sample_run())


def the_words(manifest: SampleManifest) -> str:
    assert manifest.verdict == NEEDS_REVIEW
    assert all(reason.next_command for reason in manifest.reasons)
    return " ".join(reason.words for reason in manifest.reasons)


def test_a_sound_sample_passes_and_its_manifest_holds_the_files_hashes(tmp_path: Path) -> None:
    write_sample(tmp_path, MESSAGES, CHECKPOINTS)
    manifest = judged(tmp_path)
    assert (manifest.verdict, manifest.reasons) == (PASS, ())
    assert manifest.next_command == "bin/run-recorder"
    paths = closed_archives(tmp_path)
    assert {file.sha256 for file in manifest.files} == {
        hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    }
    assert manifest.counts["market_messages"] == 2
    assert manifest.messages_by_type == {"book": 1, "PONG": 1, "price_change": 1, "unknown:new_thing": 1}
    assert [checkpoint.elapsed_ms for checkpoint in manifest.checkpoints] == [20.5, 41.0]


def test_manifest_and_report_are_written_where_the_contract_says(tmp_path: Path) -> None:
    write_sample(tmp_path / "data", MESSAGES, CHECKPOINTS)
    manifest = judged(tmp_path / "data")
    for _ in range(2):
        paths = write_sample_results(tmp_path / "data", tmp_path / "reports", manifest)
    assert paths == (
        tmp_path / "data/manifests/checkpoint_010b_ws_raw_sample.json",
        tmp_path / "reports/checkpoints/checkpoint_010b_ws_raw_sample.md",
    )
    written = json.loads(paths[0].read_bytes())
    assert (written["verdict"], written["config_sha256"]) == (PASS, "c" * 64)
    report = paths[1].read_text()
    assert PASS in report
    assert "4 messages in 1 session(s), 0 declared gap(s)." in report


@pytest.mark.parametrize("markets", [(), (market(tokens=1),), (market("eth-updown-5m-1795435200"),)])
def test_without_a_whole_btc_market_it_needs_review(tmp_path: Path, markets: tuple[Market, ...]) -> None:
    write_sample(tmp_path, MESSAGES, CHECKPOINTS)
    if markets and "eth" in markets[0].slug:
        markets = (Market(markets[0].slug, "0x1", "eth-up-or-down-5m", "", "", markets[0].tokens),)
    manifest = judged(tmp_path, sample_run(markets=markets))
    assert "No BTC market with both outcome tokens" in the_words(manifest)
    assert manifest.next_command == "bin/discover-markets"


def test_any_market_that_the_settings_name_is_as_good_as_one_of_bitcoin(tmp_path: Path) -> None:
    write_sample(tmp_path, MESSAGES, CHECKPOINTS)
    named = Market("who-wins", "0x1", "", "", "", market().tokens, selected_by=("event who-wins",))
    assert judged(tmp_path, sample_run(markets=(named,))).verdict == PASS


def test_a_pong_is_no_market_message(tmp_path: Path) -> None:
    write_sample(tmp_path, [message_row(1, kind="PONG", text="PONG")], CHECKPOINTS)
    manifest = judged(tmp_path)
    assert "No market message arrived that parses (1 message in all" in the_words(manifest)
    assert manifest.next_command == "bin/record-sample --market-limit 2"


def test_a_market_message_that_does_not_parse_does_not_count(tmp_path: Path) -> None:
    write_sample(tmp_path, [message_row(1, text='["event_type":"book"', json=None)], CHECKPOINTS)
    assert "No market message" in the_words(judged(tmp_path))


@pytest.mark.parametrize(
    "second", [refused_row(2), checkpoint_row(2, status=503), checkpoint_row(2, books={"error": "no"})]
)
def test_two_checkpoints_must_succeed(tmp_path: Path, second: dict[str, object]) -> None:
    write_sample(tmp_path, MESSAGES, [checkpoint_row(1), second])
    assert "1 of 2 REST checkpoints succeeded; 2 are needed. The last" in the_words(judged(tmp_path))


def test_too_few_checkpoints_suggest_a_shorter_interval(tmp_path: Path) -> None:
    write_sample(tmp_path, MESSAGES, [checkpoint_row(1)])
    longer = "--rest-checkpoint-interval-seconds 10 --duration-seconds 60"
    assert judged(tmp_path).next_command == f"bin/record-sample --market-limit 2 {longer}"
    run = msgspec.structs.replace(
        sample_run(), command="bin/record-sample --duration-seconds 5 --data-root 'a b'"
    )
    assert judged(tmp_path, run).next_command == (
        "bin/record-sample --duration-seconds 60 --data-root 'a b' --rest-checkpoint-interval-seconds 10"
    )


def test_missing_outputs_and_the_runs_own_troubles_are_told(tmp_path: Path) -> None:
    write_sample(tmp_path, [], [])
    words = the_words(
        judged(tmp_path, sample_run(reasons=(Reason("clob.polymarket.com did not answer", "type this"),)))
    )
    assert words.startswith("clob.polymarket.com did not answer.")
    assert "no closed ws_raw archive" in words
    assert "no closed rest_checkpoints archive" in words


def test_an_archive_that_was_left_open_is_told(tmp_path: Path) -> None:
    write_sample(tmp_path, MESSAGES, CHECKPOINTS)
    path = closed_archives(tmp_path)[0]
    path.with_name(f".{path.name}.open").write_bytes(b"")
    assert "was not closed" in the_words(judged(tmp_path))


def test_a_payload_that_does_not_give_its_hash_is_told_with_its_line(tmp_path: Path) -> None:
    write_sample(tmp_path, [*MESSAGES[:3], message_row(4, payload_sha256="0" * 64)], CHECKPOINTS)
    words = the_words(judged(tmp_path))
    assert "1 finding in what was read back from disk: polymarket_ws_raw_" in words
    assert "row 5: payload_sha256" in words
    assert judged(tmp_path).counts["wrong_rows"] == 1


@pytest.mark.parametrize("line", [b"{", b"[1]", b'{"record_type":"message"}', b'{"a":' * 100_000, b"\xff"])
def test_a_line_that_is_no_row_is_told_with_its_number(tmp_path: Path, line: bytes) -> None:
    write_sample(tmp_path, MESSAGES, CHECKPOINTS)
    path = closed_archives(tmp_path)[1]
    path.write_bytes(path.read_bytes() + gzip.compress(line + b"\n"))
    manifest = judged(tmp_path)
    assert "row 7: no readable row" in "; ".join(manifest.problems)
    assert manifest.next_command == f"bin/verify-archives --data-root {tmp_path}"
    assert manifest.counts["unreadable_lines"] == 1


def test_a_torn_archive_is_told_and_what_is_before_the_tear_is_counted(tmp_path: Path) -> None:
    write_sample(tmp_path, MESSAGES, CHECKPOINTS)
    path = closed_archives(tmp_path)[1]
    path.write_bytes(path.read_bytes()[:-4])
    manifest = judged(tmp_path)
    assert "torn at byte" in the_words(manifest)
    assert manifest.counts["messages"] == 4


def changed_row(n: int, **fields: object) -> dict[str, object]:
    """A row with a price change of which some fields are other than usual."""
    change = {"asset_id": "1", "price": "0.4", "size": str(n), "side": "BUY"} | fields
    event = {"market": "0xabc", "price_changes": [change], "timestamp": "1795435200000"}
    return message_row(n, kind="price_change", text=json.dumps(event | {"event_type": "price_change"}))


def test_messages_that_cannot_be_read_need_review_with_an_example(tmp_path: Path) -> None:
    write_sample(
        tmp_path, [message_row(1), *(changed_row(n, price="0,4") for n in range(2, 12))], CHECKPOINTS
    )
    manifest = judged(tmp_path)
    words = the_words(manifest)
    assert "10 of 13 events cannot be read" in words
    assert "price_change: price" in words
    assert "'0,4' is not a decimal" in words
    assert manifest.next_command.endswith("--tables left_out")
    assert manifest.counts["unusable_events"] == 10
    assert "## What cannot be read" in report_text(manifest)


def test_a_sample_of_nothing_but_unreadable_messages_has_no_market_message(tmp_path: Path) -> None:
    write_sample(tmp_path, [changed_row(n, side=7) for n in (1, 2)], CHECKPOINTS)
    assert "No market message" in the_words(judged(tmp_path))


def test_unusual_forms_are_read_and_reported(tmp_path: Path) -> None:
    write_sample(
        tmp_path, [message_row(1), changed_row(2, price=".4"), changed_row(3, price=0.4)], CHECKPOINTS
    )
    manifest = judged(tmp_path)
    assert (manifest.verdict, manifest.unusual_forms) == (PASS, {"leading_point": 1, "number": 1})
    assert "## Read from unusual forms" in report_text(manifest)


def test_a_rest_book_that_cannot_be_read_is_no_silence(tmp_path: Path) -> None:
    unreadable = rest_book() | {"bids": "0.4"}
    write_sample(tmp_path, MESSAGES, [checkpoint_row(n, books=(unreadable,)) for n in (1, 2)])
    assert "rest_book: bids" in the_words(judged(tmp_path))


def test_a_declared_gap_needs_review_once(tmp_path: Path) -> None:
    rows = [MESSAGES[0], message_row(2), gap_row(), message_row(5)]
    write_sample(tmp_path, rows, CHECKPOINTS)
    manifest = judged(tmp_path)
    assert the_words(manifest) == ("1 declared gap: messages may be missing there. Causes: spool full.")
    [reason] = manifest.reasons
    found = subprocess.run(["sh", "-c", reason.next_command], check=False, capture_output=True, text=True)
    assert found.stderr == ""
    assert json.loads(found.stdout)["gap"]["cause"] == "spool full"


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([1, 2, 5], "global_message_sequence 3 to 4 missing, and no gap row declares it"),
        ([2, 3], "global_message_sequence 1 missing, and no gap row declares it"),
        ([1, 2, 2, 3], "message_sequence 2 of session"),
    ],
)
def test_sequences_that_are_not_whole_are_told(tmp_path: Path, numbers: list[int], words: str) -> None:
    write_sample(tmp_path, [message_row(n) for n in numbers], CHECKPOINTS)
    assert words in the_words(judged(tmp_path))


def test_what_the_verifier_would_find_needs_review(tmp_path: Path) -> None:
    write_sample(tmp_path, MESSAGES, CHECKPOINTS)
    path = closed_archives(tmp_path)[1]
    sidecar = path.with_name(path.name + SIDECAR_SUFFIX)
    sidecar.write_bytes(re.sub(rb'"rows": ?6,', b'"rows":7,', sidecar.read_bytes()))
    assert "its sidecar says rows 7, found 6" in the_words(judged(tmp_path))
    sidecar.unlink()
    [problem] = judged(tmp_path).problems
    assert problem.startswith(f"{path.name}: ")
    assert "sidecar" in problem


def test_an_unreadable_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    write_sample(tmp_path, MESSAGES, CHECKPOINTS)
    path = closed_archives(tmp_path)[0]
    path.unlink()
    path.mkdir()
    with pytest.raises(ArchiveError, match=r"rest_checkpoints_.*\.jsonl\.gz: cannot be read"):
        judged(tmp_path)


def test_results_that_cannot_be_written_name_the_file(tmp_path: Path) -> None:
    write_sample(tmp_path, MESSAGES, CHECKPOINTS)
    (tmp_path / "reports").write_bytes(b"a file where a folder must be")
    with pytest.raises(ArchiveError, match=r"checkpoint_010b_ws_raw_sample\.svg: cannot be written"):
        write_sample_results(tmp_path, tmp_path / "reports", judged(tmp_path))


def report_of(root: Path, run: SampleRun | None = None) -> str:
    return write_sample_results(root, root / "reports", judged(root, run))[1].read_text()


def commands(report: str) -> list[str]:
    return [
        text for block in re.findall(r"```sh\n(.*?)```", report, re.DOTALL) for text in block.splitlines()
    ]


@pytest.mark.parametrize("folder", ["data", "it's a 'data' $HOME folder"])
def test_the_reports_commands_work_as_they_stand(tmp_path: Path, folder: str) -> None:
    root = tmp_path / folder
    write_sample(root, MESSAGES, CHECKPOINTS)
    zcat, by_duckdb, last = commands(report_of(root))
    first_row = subprocess.run(["sh", "-c", zcat], check=True, capture_output=True).stdout
    assert json.loads(first_row)["record_type"] == "session_opened"
    program, option, query = shlex.split(by_duckdb)
    assert (program, option) == ("duckdb", "-c")
    rows = duckdb.connect().execute(query).fetchall()
    assert sorted(row[:2] for row in rows) == [
        ("PONG", 1),
        ("book", 1),
        ("price_change", 1),
        ("unknown:new_thing", 1),
    ]
    assert last == "bin/run-recorder"


def test_the_verdict_comes_first_and_each_reason_with_its_command(tmp_path: Path) -> None:
    write_sample(tmp_path, MESSAGES, [checkpoint_row(1)])
    report = report_of(tmp_path, sample_run(markets=()))
    head, _, _ = report.partition("## Markets")
    assert head.startswith(
        "# Sample of Polymarket's order books: needs review\n\n**`WS_RAW_SAMPLE_NEEDS_REVIEW`**"
    )
    assert head.index("1. No BTC market") < head.index("bin/discover-markets") < head.index("2. 1 of 1 REST")


def test_foreign_text_cannot_break_out_of_the_report(tmp_path: Path) -> None:
    slug = "btc | x | <script>alert(1)</script> [click](http://evil) `rm -rf /`\n# heading\u2028\x1b[31m"
    kind = "unknown:a|b<img src=x>"
    write_sample(tmp_path, [message_row(1), message_row(2, kind=kind)], CHECKPOINTS)
    report = report_of(tmp_path, sample_run(markets=(market(slug),)))
    [row] = [line for line in report.splitlines() if "| Up |" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 5
    assert "<script" not in report
    assert "<img" not in report
    assert "[click]" not in report
    assert "\x1b" not in report
    assert "\n# heading" not in report


def test_the_exchanges_plain_texts_are_explained(tmp_path: Path) -> None:
    kinds = ("INVALID OPERATION", "INVALID MESSAGE", "NO NEW ASSETS", "PONG")
    rows = [message_row(n, kind=kind, text=kind) for n, kind in enumerate(kinds, 1)]
    write_sample(tmp_path, rows, CHECKPOINTS)
    report = report_of(tmp_path)
    assert all(f"| {kind} | 1 | " in report for kind in kinds)
    assert "not known to us" not in report


def test_the_chart_stays_short_whatever_the_duration(tmp_path: Path) -> None:
    rows = [message_row(n, received_at_ns=n * 977_000_000_000) for n in range(1, 200)]
    write_sample(tmp_path, rows, [checkpoint_row(n) for n in range(1, 60)])
    report = report_of(tmp_path)
    assert 5 <= report.count("█ ") <= 40
    assert len(report.splitlines()) < 140
    assert "... and 39 more checkpoints." in report


def test_a_sample_without_anything_still_has_a_report(tmp_path: Path) -> None:
    write_sample(tmp_path, [], [])
    report = report_of(tmp_path, sample_run(markets=()))
    for words in ("None was selected.", "No message arrived.", "None was made."):
        assert words in report


def test_a_sample_of_checkpoints_alone_shows_them(tmp_path: Path) -> None:
    write_sample(tmp_path, [], CHECKPOINTS)
    report = report_of(tmp_path)
    assert "2 of 2 succeeded. Latency: 20 ms at best, 31 ms median, 41 ms at worst." in report
    assert "duckdb" not in report


def test_the_report_of_simulated_data_says_so_at_its_top(tmp_path: Path) -> None:
    rows = [row | {"exchange": "simulated"} for row in MESSAGES]
    checkpoints = [row | {"exchange": "simulated"} for row in CHECKPOINTS]
    write_sample(tmp_path, rows, checkpoints)
    manifest = judged(tmp_path, sample_run(exchange="simulated"))
    assert (manifest.verdict, manifest.exchange) == (PASS, "simulated")
    top = report_text(manifest).splitlines()[:6]
    assert top[0] == "# Sample of the embedded exchange's order books: pass"
    assert any("Recorded from the embedded exchange: simulated data." in line for line in top)
    live = report_text(msgspec.structs.replace(manifest, exchange="live"))
    assert live.startswith("# Sample of Polymarket's order books: pass")
    assert "simulated data" not in live


def test_rows_of_another_exchange_than_the_runs_need_review(tmp_path: Path) -> None:
    write_sample(tmp_path, [*MESSAGES[:-1], MESSAGES[-1] | {"exchange": "simulated"}], CHECKPOINTS)
    assert "1 row of another exchange than the live one that was recorded." in the_words(judged(tmp_path))


def test_after_a_pass_the_run_says_what_to_type(tmp_path: Path) -> None:
    write_sample(tmp_path, MESSAGES, CHECKPOINTS)
    run = msgspec.structs.replace(sample_run(), next_command="bin/run-recorder --data-root d")
    assert judged(tmp_path, run).next_command == "bin/run-recorder --data-root d"
