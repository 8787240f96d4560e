"""The examples draw what is recorded: each is run as its page says, and its picture is read."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from common.archive.formats.reading import windows
from tests.archive.legs import Hearing, a_world, record
from tests.archive.world_of_windows import World
from tests.conf.shipped import CONF, ROOT
from tests.markdown_page import section_of, tables, ticked

EXAMPLES = CONF / "examples"
FORMATS = ROOT / "common" / "archive" / "formats" / "README.md"
SVG = "{http://www.w3.org/2000/svg}"
Draw = Callable[..., str]
SERIES = "btc-up-or-down-5m"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of two markets by two legs that are dark at the same time once."""
    root, world = tmp_path_factory.mktemp("recording"), a_world()
    third, half = len(world.messages) // 3, len(world.messages) // 2
    record(root, world, Hearing(outages=[(third, half)]))
    record(root, world, Hearing("b", outages=[(third + 10, half + 20)], late_ms=35))
    return root


@pytest.fixture(scope="module")
def draw(tmp_path_factory: pytest.TempPathFactory) -> Draw:
    """Runs an example, and returns what it prints. All share the list of fonts, which takes seconds to make."""
    folder = tmp_path_factory.mktemp("drawing")

    def run(name: str, root: Path, picture: Path, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, EXAMPLES / f"{name}.py", root, picture, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "MPLCONFIGDIR": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def words_of(picture: Path) -> Counter[str]:
    """The texts of an SVG picture."""
    document = ET.parse(picture).getroot()
    assert document.tag == f"{SVG}svg"
    return Counter("".join(each.itertext()).strip() for each in document.iter(f"{SVG}text"))


def test_the_spread_is_drawn_with_the_gap_of_both_legs(draw: Draw, recording: Path, tmp_path: Path) -> None:
    market = a_world().tokens[0].market_slug
    printed = draw("spread_over_a_window", recording, tmp_path / "spread.svg", market)
    words = words_of(tmp_path / "spread.svg")
    assert {"best bid", "best ask", "mid", "book not known", "spread (cents)"} <= set(words)
    assert f"{market}, Up: best prices" in words
    unknown = int(printed.partition(" instants, ")[2].split()[0])
    assert 600 * 20 // len(a_world().messages) < unknown < 200


def test_windows_are_drawn_with_their_winners(draw: Draw, tmp_path: Path) -> None:
    World(tmp_path / "data").run(60)
    draw("winners_and_strikes", tmp_path / "data", tmp_path / "winners.svg", SERIES)
    words = words_of(tmp_path / "winners.svg")
    shown = [each for each in windows(tmp_path / "data") if each.series == SERIES and each.strike]
    winners = Counter(each.winner or "unknown" for each in shown)
    assert winners["Up"] + winners["Down"] > 1
    assert {name: words[name] for name in winners} == winners
    assert {"strike", "settlement price", "BTC in US dollars"} <= set(words)
    assert f"{SERIES}: strikes and winners of {len(shown)} windows (simulated data)" in words


def test_depth_is_drawn_at_the_instants_that_are_named(draw: Draw, recording: Path, tmp_path: Path) -> None:
    market = a_world().tokens[0].market_slug
    instants = ("2026-11-18T11:15:01.5Z", "2026-11-18T11:15:10Z")
    printed = draw("depth_at_instants", recording, tmp_path / "depth.svg", market, *instants)
    assert printed.endswith(": 2 books\n")
    words = words_of(tmp_path / "depth.svg")
    assert {"2026-11-18 11:15:01.500 UTC", "2026-11-18 11:15:10.000 UTC", "bids", "asks"} <= set(words)
    assert f"{market}, Up: cumulative depth" in words


def test_the_page_lists_every_example_and_each_opens_as_a_notebook() -> None:
    [listed] = tables(section_of(FORMATS, "Examples"))
    scripts = sorted(EXAMPLES.iterdir())
    assert sorted(name for row in listed for name in ticked(row[0])) == [each.name for each in scripts]
    assert all(each.read_text().count("\n# %% ") >= 3 for each in scripts)
