import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.leftovers import pytest_keyboard_interrupt  # noqa: F401 - a hook

# Other tests and other builds share the processors: slowness is no finding of a property test.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

# The tests start hundreds of processes: without byte code on disk each of them would compile the program again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

FOLDER = Path(__file__).parent
_LONGEST_FIRST = ("faults", "end_to_end", "commands", "test_readme.py", "benchmark")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Where the load counts, processes run as fast as users run them; what they do is measured elsewhere."""
    marker = item.get_closest_marker("unmeasured")
    with (
        pytest.MonkeyPatch.context() as patch,
        _signals_as_before(),
        _no_coverage_here() if marker and marker.kwargs else nullcontext(),
    ):
        if marker:
            patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        return (yield)


@contextmanager
def _signals_as_before() -> Iterator[None]:
    """A command that ran in the test's own process took them, and whoever is started later inherits what it ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _no_coverage_here() -> Iterator[None]:
    """For a test that goes thousands of times through code that others measure: tracing doubles what it costs."""
    coverage = sys.modules.get("coverage")
    current = coverage.Coverage.current() if coverage else None
    if current is None:
        yield
        return
    current.stop()
    try:
        yield
    finally:
        current.start()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A temporary folder whose path leaves room for the names of sockets."""
    folder = Path(tempfile.mkdtemp(prefix="short-"))
    yield folder
    shutil.rmtree(folder)


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long ones, so that the others run beside them."""
    ranks = {folder: rank for rank, folder in enumerate(_LONGEST_FIRST)}
    for item in items:
        if _shares_a_fixture(item):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=lambda item: ranks.get(item.path.relative_to(FOLDER).parts[0], len(ranks)))


def _shares_a_fixture(item: pytest.Item) -> bool:
    """Whether a fixture is shared by the tests of its file: one worker has them all, and makes it once."""
    known = getattr(item, "_fixtureinfo", None)  # pytest tells it nowhere else before the test runs
    return known is not None and any(
        each.scope == "module" for found in known.name2fixturedefs.values() for each in found
    )
