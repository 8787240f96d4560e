import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Other tests and other builds share the processors: slowness is no finding of a property test.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A temporary folder whose path leaves room for the names of sockets."""
    folder = Path(tempfile.mkdtemp(prefix="short-"))
    yield folder
    shutil.rmtree(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long ones, so that the others run beside them."""
    items.sort(key=lambda item: "faults" not in item.path.parts)
