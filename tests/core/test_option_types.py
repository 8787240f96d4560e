import argparse

import pytest

from common.core.option_types import (
    above_zero,
    duration,
    instant_ns,
    number,
    number_within,
    whole_number,
    whole_seconds,
)
from procs.commands import recorderctl, run_recorder


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5", 1.5), ("10m", 600), ("1h", 3600), ("2d", 172_800), ("0.5s", 0.5)],
)
def test_durations_are_seconds_or_carry_a_unit(text: str, seconds: float) -> None:
    assert duration()(text) == seconds


@pytest.mark.parametrize("text", ["0", "-1", "ten", "10 m", "1w", "nan", "inf", ""])
def test_what_is_no_duration_is_refused_with_what_was_typed(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=rf"must be a duration such as .* not {text!r}"):
        duration()(text)


def test_bounds_are_named() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"a whole number from 1 to 64, not 'two'"):
        whole_number(1, 64)("two")
    with pytest.raises(argparse.ArgumentTypeError, match=r"of at least 1, not '0'"):
        whole_number(1)("0")
    with pytest.raises(argparse.ArgumentTypeError, match=r"from 0.1 to 86400 seconds, not '2d'"):
        duration(0.1, 86_400)("2d")
    with pytest.raises(argparse.ArgumentTypeError, match=r"a number above 0, not 'fast'"):
        above_zero("fast")
    for text in ("501", "-1", "nan", "soon", ""):
        with pytest.raises(argparse.ArgumentTypeError, match=rf"a number from 0 to 500, not {text!r}"):
            number_within(0, 500)(text)
    assert number_within(0, 500)("500") == 500
    with pytest.raises(argparse.ArgumentTypeError, match=r"a time such as .*, not 'noon'"):
        instant_ns("noon")


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        (recorderctl, ["scale", "writer", "two"], "must be a whole number from 1 to 64, not 'two'"),
        (run_recorder, ["--writers", "many"], "must be a whole number, not 'many'"),
        (run_recorder, ["--duration-seconds", "soon"], "must be a duration such as 90, 10m or 1h"),
    ],
)
def test_no_command_names_its_own_code_in_an_error(
    command: object, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main(arguments)  # type: ignore[attr-defined]
    said = capsys.readouterr().err
    assert words in said
    assert "invalid" not in said


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        (recorderctl, ["stauts"], "did you mean 'status'?"),
        (recorderctl, ["status", "--onec"], "did you mean '--once'?"),
        (recorderctl, ["status", "--config-file=x"], "did you mean '--config'?"),
        (run_recorder, ["--duration-second", "3"], "did you mean '--duration-seconds'?"),
        (run_recorder, ["--exchange", "simulatd"], "did you mean 'simulated'?"),
        (run_recorder, ["--zzz"], "unrecognized arguments: --zzz\n"),
    ],
)
def test_an_error_names_what_was_probably_meant(
    command: object, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(arguments)  # type: ignore[attr-defined]
    assert capsys.readouterr().err.endswith(words if words.endswith("\n") else f"{words}\n")


@pytest.mark.parametrize(
    ("text", "words"), [("x", "must be a number, not 'x'"), ("nan", "must be a number, not 'nan'")]
)
def test_a_rate_is_a_number(text: str, words: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=words):
        number(text)
    assert number("1.5") == 1.5


def test_whole_seconds_take_units_and_no_fractions() -> None:
    assert whole_seconds("5m") == 300
    with pytest.raises(argparse.ArgumentTypeError, match=r"must be a whole number of seconds, not '1\.5s'"):
        whole_seconds("1.5s")
