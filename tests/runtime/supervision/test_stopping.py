from pathlib import Path

import pytest

from common.core.restart_policy import FLAPPING_AFTER
from common.runtime.supervision.child import Child
from common.runtime.supervision.stopping import Stopping
from common.topology import Instance, kind_of


@pytest.mark.parametrize(
    ("instance", "state"),
    [
        (Instance(kind_of("discovery"), 0), "failed"),
        (Instance(kind_of("reference"), 0, place="rtds"), "starting"),
        (Instance(kind_of("resolution_poller"), 0), "starting"),
    ],
)
def test_a_process_that_dies_again_and_again_fails_the_run_unless_it_is_beside_the_books(
    instance: Instance, state: str, tmp_path: Path
) -> None:
    children = [Child(instance, tmp_path), Child(Instance(kind_of("manifest"), 0), tmp_path)]
    for _ in range(FLAPPING_AFTER):
        children[0].policy.restart_at_ns(started_ns=0, ended_ns=1)
    assert children[0].is_flapping(2)
    assert Stopping({child.name: child for child in children}).state(2) == state
