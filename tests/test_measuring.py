"""What is not to be measured for coverage runs without it."""

import os
import sys

import pytest

MEASURING = "COVERAGE_PROCESS_CONFIG"  # what coverage tells the processes that a measured one starts


@pytest.mark.unmeasured(here=True)
def test_neither_an_unmeasured_test_nor_its_processes_are_traced() -> None:
    assert sys.gettrace() is None
    assert MEASURING not in os.environ


@pytest.mark.unmeasured
def test_a_test_may_be_measured_without_its_processes() -> None:
    assert MEASURING not in os.environ


def test_other_tests_are_measured_with_their_processes_where_this_run_measures() -> None:
    running = sys.modules.get("coverage")
    measured = running is not None and running.Coverage.current() is not None
    assert (MEASURING in os.environ) == measured
