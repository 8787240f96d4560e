"""One recording for all tests of formats, and what a replay of it gives."""

from pathlib import Path

import pytest

from tests.archive.formats.recorded import Ours, ours, recording


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recording(tmp_path_factory.mktemp("recording"))


@pytest.fixture(scope="session")
def truth(root: Path) -> Ours:
    return ours(root)
