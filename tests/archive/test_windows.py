"""The windows of a recording: 300 compressed ones of the embedded exchange, and what is wrong with some of them."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from common.archive.windows import WindowFacts, windows
from common.core.resolution.columns import COLUMNS
from common.errors import ArchiveError
from common.simulation.faults.catalogue import parse_fault
from tests.archive.world_of_windows import START_S, WINDOW_S, World
from tests.end_to_end.running import ROOT, run_here

SECONDS = 860
NS = 1_000_000_000


def slug(coin: str, number: int) -> str:
    """The window of a coin that starts so many windows after the world began."""
    return f"{coin}-updown-5m-{START_S + number * WINDOW_S}"


FORGED, DISPUTED, CORRECTED, NEVER = (slug("btc", number) for number in (10, 20, 30, 40))
UNPRICED = slug("btc", 50)
FAULTS = {"forged": FORGED, "disagree": DISPUTED, "corrected": CORRECTED, "never": NEVER}


class Recorded:
    def __init__(self, root: Path) -> None:
        faults = [
            parse_fault("resolution", [f"kind={kind}", f"slug={which}", "delay_seconds=3"])
            for kind, which in FAULTS.items()
        ]
        self.root = root
        self.world = World(root, faults)
        self.world.run(SECONDS, silent=[range(499, 501)])
        self.found = windows(root)
        self.by_slug = {each.market_slug: each for each in self.found}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return Recorded(tmp_path_factory.mktemp("world"))


def whole(recorded: Recorded) -> list[WindowFacts]:
    """The windows of which nothing is wrong, and all that was to come has come."""
    silent = (START_S + 499) * NS, (START_S + 500) * NS
    return [
        each
        for each in recorded.found
        if each.market_slug in recorded.world.windows
        and each.market_slug not in FAULTS.values()
        and not any(at in silent for at in (each.start_ns, each.end_ns))
    ]


def test_the_winner_is_recomputed_as_it_was_told_in_all_of_300_windows(recorded: Recorded) -> None:
    found = whole(recorded)
    assert len(found) >= 300
    told = {each.market_slug: each.winner for each in found}
    assert {each.market_slug: each.recomputed for each in found} == told
    assert told == {name: recorded.world.winners[name] for name in told}
    assert set(told.values()) == {"Up", "Down"}
    assert [each.findings for each in found if each.findings] == []


def test_a_forged_outcome_is_found_and_no_other(recorded: Recorded) -> None:
    forged = recorded.by_slug[FORGED]
    right = recorded.world.winners[FORGED]
    assert forged.winner == ({"Up", "Down"} - {right}).pop()
    assert forged.recomputed == right
    assert all(f"and the prices give {right}" in finding for finding in forged.findings)
    assert len(forged.findings) == 2
    found = {each.market_slug for each in recorded.found if each.findings}
    assert found == {FORGED, DISPUTED}


def test_sources_that_disagree_are_a_finding_and_have_no_winner(recorded: Recorded) -> None:
    disputed = recorded.by_slug[DISPUTED]
    assert disputed.winner == ""
    assert set(disputed.told) == {"gamma", "data_api"}
    assert "the sources disagree: data_api says" in disputed.findings[0]
    assert disputed.recomputed == disputed.told["gamma"]


def test_a_correction_is_flagged_and_the_later_word_holds(recorded: Recorded) -> None:
    corrected = recorded.by_slug[CORRECTED]
    assert corrected.corrected
    assert corrected.winner == corrected.recomputed == recorded.world.winners[CORRECTED]
    assert not any(each.corrected for each in whole(recorded))


def test_a_window_that_nobody_resolves_has_a_recomputed_winner_alone(recorded: Recorded) -> None:
    never = recorded.by_slug[NEVER]
    assert (never.told, never.winner) == ({}, "")
    assert never.recomputed == recorded.world.winners[NEVER]


def test_without_prices_at_a_boundary_the_winner_is_not_recomputed_and_the_reason_is_said(
    recorded: Recorded,
) -> None:
    later, earlier = recorded.by_slug[UNPRICED], recorded.by_slug[slug("btc", 49)]
    assert later.not_recomputed == "at the beginning: no settlement price is recorded in the minute before"
    assert earlier.not_recomputed == "at the end: no settlement price is recorded in the minute before"
    assert (later.recomputed, later.winner) == ("", recorded.world.winners[UNPRICED])


def test_a_window_has_its_strike_its_settlement_and_who_decided(recorded: Recorded) -> None:
    one = whole(recorded)[0]
    assert one.strike_source == one.final_source == "told_average"
    assert (float(one.final) >= float(one.strike)) == (one.winner == "Up")
    assert float(one.lowest) <= float(one.strike) <= float(one.highest)
    assert one.reporter == "CHAINLINK"
    assert one.prices == (one.end_ns - one.start_ns) // NS + 1
    assert one.question
    assert one.exchange == "simulated"


def test_time_bounds_choose_windows_by_their_end(recorded: Recorded) -> None:
    since, until = (START_S + 100) * NS, (START_S + 140) * NS
    found = windows(recorded.root, since=since, until=until)
    assert {each.market_slug for each in found} == {
        each.market_slug for each in recorded.found if since <= each.end_ns < until
    }
    assert all(each.recomputed for each in found)


def test_the_command_lists_windows_and_ends_with_1_on_a_finding(recorded: Recorded, tmp_path: Path) -> None:
    parquet = tmp_path / "windows.parquet"
    options = ("--data-root", str(recorded.root), "--json", "--parquet", str(parquet))
    done = run_here("windows", *options, folder=tmp_path)
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert len(document["windows"]) == len(recorded.found)
    assert document["findings"] == sum(len(each.findings) for each in recorded.found)
    listed = pq.read_table(parquet)
    assert listed.column_names == [column.name for column in COLUMNS]
    assert listed["market_slug"].to_pylist() == [each.market_slug for each in recorded.found]
    assert listed["winner"].to_pylist() == [each.winner for each in recorded.found]


def test_the_command_says_in_words_what_is_wrong_and_ends_with_0_where_nothing_is(
    recorded: Recorded, tmp_path: Path
) -> None:
    root = str(recorded.root)
    fine = whole(recorded)[0].market_slug
    good = run_here("windows", "--data-root", root, "--market", fine, folder=tmp_path)
    assert good.returncode == 0, good.stdout
    assert "1 windows, 1 with a winner, 1 recomputed, 0 findings" in good.stdout
    assert "note: this is simulated data" in good.stdout
    bad = run_here("windows", "--data-root", root, "--market", FORGED, folder=tmp_path)
    assert bad.returncode == 1
    assert f"{FORGED}: gamma says" in bad.stdout
    unpriced = run_here("windows", "--data-root", root, "--market", UNPRICED, folder=tmp_path)
    assert (
        "note: of 1 windows the winner was not recomputed: at the beginning: no settlement" in unpriced.stdout
    )
    none = run_here("windows", "--data-root", root, "--market", "no-such", folder=tmp_path)
    assert (none.returncode, "no window is known here" in none.stdout) == (1, True)


def test_the_page_names_the_columns_of_the_table() -> None:
    page = (ROOT / "common" / "core" / "resolution" / "README.md").read_text()
    for column in COLUMNS:
        assert f"| `{column.name}` | {column.kind} | {column.meaning} |" in page


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="there is no such folder"):
        windows(tmp_path / "nothing")
