"""The pages say what the code does: every list in them is compared with the code, every example is run."""

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import duckdb
import msgspec
import pytest
import yaml

from common import errors
from common.archive.ledger import write_ledger
from common.archive.schema.fields import STREAMS
from common.archive.sidecar import Sidecar
from common.config import KEYS_ALONE, SECTIONS, Settings
from common.config_loading import load_settings
from common.core.causes import Cause
from common.core.counters import COUNTERS
from common.core.events.kinds import EVENT_TYPES
from common.core.instants import NS_PER_SECOND
from common.core.ledger.document import Condition, FeedLedger, TokenCheckpoints, TokenHour, Window
from common.core.ledger.feed_document import Sources, feed_ledger
from common.core.ledger.feed_window import FeedHour
from common.core.ledger.legs_document import FeedLegs, TokenLegs
from common.core.ledger.token_window import TokenAccount
from common.core.market import Token
from common.core.problems import ProblemKind
from common.core.rows.reading import LIFE_CYCLE_RECORDS
from common.core.rows.rest import REST_CHECKPOINT
from common.core.run_state import State
from common.core.uploads.record import UploadRecord
from common.core.views.export_columns import COLUMNS
from common.drill.cases import CASES, SLOW_CASES
from common.polymarket import classify
from common.status.run_manifest import RunManifest
from common.topology import PROCESSES, QUEUES
from tests.end_to_end.running import ROOT, run_command
from tests.markdown_page import blocks, headings, section_of, slug_of, tables, ticked

pytestmark = pytest.mark.unmeasured

README = ROOT / "README.md"
PAGES = sorted(
    [README, *(page for folder in ("conf", "common", ".github") for page in (ROOT / folder).rglob("*.md"))]
)
TEXT = "\n".join(page.read_text() for page in PAGES)
COMMANDS = sorted(path.name for path in (ROOT / "bin").iterdir() if not path.name.startswith("."))
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for folder in ("common", "procs")
    for path in (ROOT / folder).rglob("*.py")
}
SCHEMA = {
    f"{name}.{field.name}": field
    for name, section_type in SECTIONS.items()
    for field in msgspec.structs.fields(section_type)
} | {field.name: field for field in msgspec.structs.fields(Settings) if field.name in KEYS_ALONE}
CONF_FILES = ("recorder.yaml", "polymarket_ws_sample.example.yaml")


def section(title: str) -> str:
    """What stands below a heading, on whichever page has it."""
    [page] = [page for page in PAGES if title in headings(page)]
    return section_of(page, title)


def first_cells(title: str, *, table: int = 0) -> list[str]:
    """What stands in backticks in the first column of a section's table."""
    return [name for row in tables(section(title))[table] for name in ticked(row[0])]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the `data` of a short sample that broke off once, so that there is a gap to find.

    The environment names proxies that lead nowhere: the embedded exchange is on this machine.
    """
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:1")
    folder = tmp_path_factory.mktemp("recording")
    run_command(
        "record_sample",
        *("--exchange", "simulated", "--duration-seconds", "3", "--simulated-fault", "cut", "count=1"),
        *("--rest-checkpoint-interval-seconds", "1", "--data-root", "data"),
        folder=folder,
        environment=nowhere,
    )
    return folder


def rows(recording: Path, stream: str) -> list[dict[str, Any]]:
    [path] = recording.glob(f"data/ws_sample/polymarket/{stream}/*/*.jsonl.gz")
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).split(b"\n")[:-1]]


# Commands


def test_the_readme_names_every_command_and_no_other() -> None:
    named = set(re.findall(r"(?<![\w/-])bin/([a-z-]+)", TEXT))
    assert named == set(COMMANDS)
    assert sorted(first_cells("Commands")) == sorted(f"bin/{name}" for name in COMMANDS)


def shown_options() -> Iterator[tuple[str, str]]:
    text = TEXT.replace("\\\n", " ")
    for line in re.split(r"\n|`|\(|\)", text):
        for command, rest in re.findall(r"bin/([a-z-]+)((?: (?!bin/)[^|]*)?)", line):
            yield from ((command, option) for option in re.findall(r"--[a-z-]+", rest))


@cache
def help_of(command: str) -> str:
    script = (ROOT / "bin" / command).read_text()
    module = re.search(r"run_module \w+ procs\.commands\.(\w+)", script)
    if module is None:
        result = subprocess.run(
            ["sh", ROOT / "bin" / command, "--help"], capture_output=True, text=True, check=True
        )
        return result.stdout
    return run_command(module[1], "--help", folder=ROOT).stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_shown_with_a_command_is_one_of_its_options(command: str) -> None:
    known = help_of(command)
    assert "xample" in known, "each command's help shows an example"
    for option in {option for named, option in shown_options() if named == command}:
        assert re.search(rf"{option}\b", known), f"bin/{command} has no option {option}"


def test_some_options_are_shown() -> None:
    assert len(set(shown_options())) >= 8


def test_the_options_in_the_table_of_commands_belong_to_their_command() -> None:
    for row in tables(section("Commands"))[0]:
        known = help_of(ticked(row[0])[0].removeprefix("bin/"))
        for option in re.findall(r"--[a-z-]+", row[1]):
            assert option in known or option == "--help", f"{row[0]}: {option}"


def test_the_exit_codes_are_those_of_the_code() -> None:
    codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert [int(row[0]) for row in tables(section("Exit codes"))[0]] == sorted(codes)


# Settings


def bounds(kind: object) -> str:
    """The bounds of a key as the README writes them."""
    known = msgspec.inspect.type_info(kind)
    match known:
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            return f"{known.ge:g} to {known.le}" if known.gt is None else f"above {known.gt:g}, to {known.le}"
        case msgspec.inspect.BoolType():
            return "`true` or `false`"
        case msgspec.inspect.LiteralType():
            return " or ".join(f"`{value}`" for value in known.values)
        case msgspec.inspect.VarTupleType(item_type=msgspec.inspect.LiteralType()):
            return f"{known.min_length} to {known.max_length} of these"
        case msgspec.inspect.VarTupleType():
            return f"{known.min_length} to {known.max_length} slugs"
        case msgspec.inspect.StrType(pattern=str(pattern)) if "://" in pattern:
            return "ws or wss URL" if "wss" in pattern else "http or https URL"
        case msgspec.inspect.StrType():
            return "not empty" if known.min_length else "text"
    raise AssertionError(f"no words for {known}")


def test_the_settings_table_holds_every_key_with_its_default_and_bounds() -> None:
    listed = {ticked(row[0])[0]: row for row in tables(section("Settings"))[0]}
    assert list(listed) == list(SCHEMA)
    for key, (_, default, bound, meaning) in listed.items():
        shown = yaml.safe_load(ticked(default)[0])
        assert (tuple(shown) if isinstance(shown, list) else shown) == SCHEMA[key].default, key
        assert bound == bounds(SCHEMA[key].type), key
        assert meaning


def is_read(key: str) -> bool:
    """Whether any code but the schema itself asks for a key."""
    name = key.rpartition(".")[2]
    wanted = key if name in {"enabled", "interval_seconds", "verify"} else name
    return any(
        re.search(rf"\.{wanted}\b", text) for path, text in SOURCES.items() if path != "common/config.py"
    )


def test_the_settings_table_says_which_keys_nothing_uses_yet() -> None:
    for row in tables(section("Settings"))[0]:
        [key] = ticked(row[0])
        assert ("Not used yet" in row[3]) is not is_read(key), key


@pytest.mark.parametrize("name", CONF_FILES)
def test_a_shipped_settings_file_holds_every_key_with_its_default(name: str) -> None:
    document = yaml.safe_load((ROOT / "conf" / name).read_text())
    shipped = {key: document.pop(key) for key in KEYS_ALONE}
    shipped |= {f"{part}.{key}": value for part, keys in document.items() for key, value in keys.items()}
    expected = {key: field.default for key, field in SCHEMA.items()}
    if name != "recorder.yaml":
        expected["discovery.market_limit"] = 2
        expected["websocket.legs"] = 1
    assert {k: tuple(v) if isinstance(v, list) else v for k, v in shipped.items()} == expected
    assert load_settings(ROOT / "conf" / name)


@pytest.mark.parametrize("name", CONF_FILES)
def test_each_key_of_a_shipped_settings_file_has_a_comment_above_it(name: str) -> None:
    lines = (ROOT / "conf" / name).read_text().splitlines()
    for before, line in pairwise(lines):
        if re.match(r"  \w+:", line):
            assert before.startswith("  # "), line


# Rows and files


def test_the_field_tables_are_those_of_real_rows(recording: Path) -> None:
    message = next(row for row in rows(recording, "ws_raw") if row["record_type"] == "message")
    assert set(first_cells("Websocket rows")) == {*message, "raw_base64"}
    checkpoint = rows(recording, "rest_checkpoints")[0]
    assert set(first_cells("REST rows")) == set(checkpoint)
    assert checkpoint["record_type"] == REST_CHECKPOINT
    described = next(row for row in tables(section("REST rows"))[0] if row[0] == "`response`")[1]
    assert set(checkpoint["response"]) <= set(ticked(described))


def test_the_life_cycle_rows_hold_what_the_readme_says(recording: Path) -> None:
    described = {ticked(row[0])[0]: ticked(row[1]) for row in tables(section(LIFE_CYCLE))[0]}
    found = {row["record_type"]: row for row in rows(recording, "ws_raw")}
    assert {"session_opened", "session_closed", "gap"} <= set(found) <= {"message", *described}
    for record_type in set(found) - {"message"}:
        assert set(found[record_type][record_type]) <= set(described[record_type])
        assert "message_sequence" not in found[record_type]


LIFE_CYCLE = "Life-cycle rows and gaps"


def test_the_record_types_are_those_of_the_code() -> None:
    assert set(first_cells(LIFE_CYCLE)) == set(LIFE_CYCLE_RECORDS)


def test_the_causes_of_gaps_are_those_of_the_code() -> None:
    assert {*first_cells(LIFE_CYCLE, table=1), "recorder_stopping"} == set(get_args(Cause))


def test_the_event_types_are_those_of_the_code() -> None:
    listed = first_cells("Event types")
    assert [name for name in listed if not name.startswith(classify.UNKNOWN)] == [
        kind.name for kind in EVENT_TYPES
    ]
    unknown = re.findall(r'UNKNOWN \+ "(\w+)"', SOURCES["common/polymarket/classify.py"])
    assert {name for name in listed if name.startswith(classify.UNKNOWN)} == {
        "unknown:<event_type>",
        *(f"unknown:{kind}" for kind in unknown),
    }


def test_the_sidecars_fields_are_those_of_the_code() -> None:
    assert first_cells("Files") == list(Sidecar.__struct_fields__)


def test_the_ledgers_fields_and_conditions_are_those_of_the_code() -> None:
    assert first_cells("Ledgers") == list(get_args(Condition))
    assert set(first_cells("Ledgers", table=1)) == set(FeedLedger.__struct_fields__)
    assert first_cells("Ledgers", table=2) == list(TokenHour.__struct_fields__)
    assert first_cells("Ledgers", table=3) == list(TokenCheckpoints.__struct_fields__)
    assert first_cells("Ledgers of two legs") == list(TokenLegs.__struct_fields__)
    assert first_cells("Ledgers of two legs", table=1) == list(FeedLegs.__struct_fields__)


def test_an_upload_records_fields_are_those_of_the_code() -> None:
    listed = [name for row in tables(section("Upload"))[0] for name in ticked(row[0])]
    assert listed == list(UploadRecord.__struct_fields__)


def test_the_run_manifests_fields_states_and_counters_are_those_of_the_code() -> None:
    assert first_cells("Run manifest") == list(RunManifest.__struct_fields__)
    assert first_cells("Run manifest", table=1) == list(get_args(State))
    assert first_cells("Counters") == list(COUNTERS)
    counted = re.findall(r'(?:tally\.add\(|counters\[)"(\w+)"', "\n".join(SOURCES.values()))
    assert set(counted) <= set(COUNTERS)


def test_the_problems_are_those_of_the_code() -> None:
    assert first_cells("Problems") == list(get_args(ProblemKind))


def test_the_counters_table_says_which_counters_nothing_counts_yet() -> None:
    table, _, uses = SOURCES["common/core/counters.py"].partition("\n]\n")
    assert "CounterName = Literal[" in table
    code = uses + "".join(text for path, text in SOURCES.items() if path != "common/core/counters.py")
    for row in tables(section("Counters"))[0]:
        [counter] = ticked(row[0])
        assert ("Always 0 yet" in row[1]) is not (f'"{counter}"' in code), counter


# Architecture


def test_the_process_table_is_that_of_the_code() -> None:
    assert tables(section("Processes"))[0] == [
        [
            kind.name,
            f"`{kind.module}`",
            kind.instances,
            str(kind.start_rank),
            str(kind.stop_rank),
            "yes" if kind.in_sample else "no",
            kind.role,
        ]
        for kind in PROCESSES
    ]


def test_the_queue_table_is_that_of_the_code() -> None:
    assert tables(section("Queues"))[0] == [
        [queue.producer, queue.consumer, queue.carried_by, queue.bound, queue.when_full] for queue in QUEUES
    ]


def test_every_test_and_file_that_the_readme_names_exists() -> None:
    for name in ticked(TEXT):
        path, _, test = name.partition("::")
        if re.fullmatch(r"(tests|conf|common|procs)/[\w/.-]+", path):
            assert (ROOT / path).exists(), name
            assert not test or f"def {test}(" in (ROOT / path).read_text(), name


def test_the_pictures_of_the_front_page_are_small() -> None:
    pictures = [
        ROOT / path for path in re.findall(r"!\[[^]]+\]\(([^)]+\.png)\)", (ROOT / "README.md").read_text())
    ]
    assert len(pictures) == 2
    for picture in pictures:
        assert picture.read_bytes()[:4] == b"\x89PNG"
        assert picture.stat().st_size < 150_000


def test_every_link_leads_to_a_page_and_a_heading() -> None:
    found = 0
    for page in PAGES:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if link.startswith(("http://", "https://")):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), f"{page.name}: {link}"
            if anchor:
                assert anchor in {slug_of(title) for title in headings(target)}, f"{page.name}: {link}"
            found += 1
    assert found > 40


def test_the_front_page_is_short_and_leads_to_every_other() -> None:
    front = README.read_text()
    assert len(front.splitlines()) <= 160
    linked = {
        (ROOT / link).resolve() for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", front) if "://" not in link
    }
    assert {page for page in PAGES if page != README} <= linked


# Examples

READING = "Read the recordings"


def test_the_shell_examples_work_as_they_stand(recording: Path) -> None:
    first_row, gaps, kinds = blocks(section(READING), "sh")
    shown = [
        subprocess.run(
            ["bash", "-c", example], cwd=recording, capture_output=True, text=True, check=True, timeout=30
        ).stdout
        for example in (first_row, gaps, kinds)
    ]
    assert '"record_type": "session_opened"' in shown[0]
    assert json.loads(shown[1].splitlines()[0])["gap"]["cause"] == "connection_lost"
    assert "price_change" in shown[2]


def test_the_python_example_works_as_it_stands(recording: Path) -> None:
    example = blocks(section(READING), "python")[0]
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=recording,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    messages = [row for row in rows(recording, "ws_raw") if row["record_type"] == "message"]
    assert result.stdout == f"{len(messages)} messages, every checksum right\n"


def test_the_duckdb_examples_work_as_they_stand(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_type, requests = blocks(section(READING), "sql")
    monkeypatch.chdir(recording)
    with duckdb.connect() as database:
        kinds = {row[0]: row[1] for row in database.execute(by_type).fetchall()}
        statuses = database.execute(requests).fetchall()
    assert kinds["price_change"] > 10
    assert "book" in kinds
    assert [row[0] for row in statuses] == [200]


@pytest.mark.parametrize(
    ("reader", "shown"),
    [
        ("polars", "price"),
        ("pyarrow", "message"),
        ("pandas", "session_opened"),
        ("chdb", "price_change"),
        ("duckdb", "connection_lost"),
    ],
)
def test_the_examples_with_a_schema_work_as_they_stand(reader: str, shown: str, recording: Path) -> None:
    [example] = [block for block in blocks(section("With a schema"), "python") if f"import {reader}" in block]
    result = run_example(example, recording)
    assert shown in result


def run_example(example: str, folder: Path) -> str:
    """What a Python example prints in the folder that holds the recording."""
    result = subprocess.run(
        [sys.executable, "-c", example],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_schemas_name_the_fields_that_the_readme_names() -> None:
    life_cycle = {ticked(row[0])[0] for row in tables(section(LIFE_CYCLE))[0]}
    assert set(STREAMS["ws_raw"]) == {*first_cells("Websocket rows"), *life_cycle}
    assert STREAMS["reference"] == STREAMS["ws_raw"]
    assert set(STREAMS["rest_checkpoints"]) == set(first_cells("REST rows"))


BOOKS = "From frames to books"


def test_the_tables_of_exported_columns_are_those_of_the_code() -> None:
    for listed, columns in zip(tables(section(BOOKS)), COLUMNS.values(), strict=True):
        assert listed == [[f"`{column.name}`", column.kind, column.meaning] for column in columns]


def test_the_recipes_for_books_work_as_they_stand(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exported = run_command("export_parquet", "--data-root", "data", "--output", "tables", folder=recording)
    assert exported.returncode == 0, exported.stderr
    shown = [run_example(example, recording) for example in blocks(section(BOOKS), "python")]
    assert int(shown[0].split()[0]) > 10
    assert "bid_in_best_three" in shown[1]
    assert "middle" in shown[2]
    spreads, trades, ledgers = blocks(section(BOOKS), "sql")
    account_for(recording / "data")
    monkeypatch.chdir(recording)
    with duckdb.connect() as database:
        assert database.execute(spreads).fetchall()
        assert {row[2] for row in database.execute(trades).fetchall()} <= {"BUY", "SELL"}
        [left_out] = database.execute(ledgers).fetchall()
    assert left_out[1:] == ("11", "a-market", "gap", 0, 0)


def account_for(data_root: Path) -> None:
    """A ledger of an hour in which one token was wanted, and nothing of it recorded for a while."""
    window = Window(0, 3600 * NS_PER_SECOND)
    token = TokenAccount(Token("a-market", "0x1", "11", "Up", "2030-01-01T00:00:00Z"), window)
    token.subscribe(0, afresh=False)
    token.end(60 * NS_PER_SECOND, wanted_on=True)
    ledger = feed_ledger(window, [FeedHour(window)], [token.result()], Sources((), ()))
    assert write_ledger(data_root, window, ledger)


def test_the_files_named_are_the_files_written(recording: Path) -> None:
    listing = blocks(section("Files"), "")[0]
    [path] = recording.glob("data/ws_sample/polymarket/ws_raw/*/*.jsonl.gz")
    run_id = path.parent.name
    named = [line.split("  ")[0].replace("<run_id>", run_id) for line in listing.splitlines()]
    for name in named:
        if "<" not in name and "recorder_latest" not in name:
            assert (recording / "data" / name).exists(), name


def test_the_drills_cases_are_those_of_the_code() -> None:
    assert tables(section("Drill"))[0] == [[f"`{case.name}`", case.promise] for case in (*CASES, *SLOW_CASES)]
