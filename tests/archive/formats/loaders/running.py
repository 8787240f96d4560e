"""Runs a loader with a Python that has its package: their packages ask for other versions than ours do.

`python3 -m venv .venv-NAME && .venv-NAME/bin/pip install NAME`, or name a Python in the environment variable
`NAME_PYTHON`.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.running import ROOT

FOLDER = Path(__file__).parent


def loaded(package: str, program: str, wanted: object) -> Any:  # noqa: ANN401 - any JSON
    """What the program says of what is wanted; skips the test where no Python has the package."""
    named = os.environ.get(f"{package.upper()}_PYTHON")
    python = Path(named) if named else ROOT / f".venv-{package}/bin/python"
    if not python.exists():
        pytest.skip(f"no {python}: see {__name__}")
    done = subprocess.run(
        [python, FOLDER / program], input=json.dumps(wanted), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)
