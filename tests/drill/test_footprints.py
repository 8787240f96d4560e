"""Whether something grows is told from figures over time, without what every start needs."""

import os
from pathlib import Path

from common.drill.footprints import SETTLED_S, Footprints, trend


def test_a_start_that_fills_up_is_no_growth() -> None:
    filled = [(float(second), min(second, 30) * 10.0) for second in range(90)]
    found = trend(filled)
    assert found is not None
    assert (found.before, found.after, found.over_s, found.an_hour) == (300.0, 300.0, 30.0, 0.0)


def test_growth_is_scaled_to_an_hour() -> None:
    found = trend([(second * 10.0, second * 0.01) for second in range(90)])
    assert found is not None
    assert round(found.an_hour, 3) == 3.6
    assert trend([(0.0, 1.0), (1.0, 2.0)]) is None, "too few figures say nothing"


def test_descriptors_and_files_that_grow_are_told_and_memory_only_after_a_long_time(tmp_path: Path) -> None:
    footprints, held = Footprints(), []
    for second in range(30):
        held.append(os.open(tmp_path, os.O_RDONLY))
        held.append(os.open(tmp_path, os.O_RDONLY))
        for number in range(2):
            (tmp_path / f"{second}-{number}").touch()
        footprints.sample(float(second), {"me": os.getpid()}, tmp_path)
    for descriptor in held:
        os.close(descriptor)
    assert not footprints.says_memory
    assert [words.split(" grow ")[0] for words in footprints.growing()] == [
        "me: descriptors",
        "files in the run's folder",
    ]
    assert len(list(footprints.lines())) == 2


def test_nothing_that_stays_as_it_is_grows(tmp_path: Path) -> None:
    footprints = Footprints()
    for number in range(30):
        footprints.sample(number * SETTLED_S / 5, {"me": os.getpid(), "gone": 2**22}, tmp_path)
    assert footprints.says_memory
    assert footprints.growing() == []
