from pathlib import Path

import pyarrow.parquet as pq

from common.archive.views.parquet_dataset import HOUR_NS, Dataset
from common.core.views.export_columns import COLUMNS

SECOND = 1_000_000_000
HOUR = 1_795_435_200 * SECOND // HOUR_NS * HOUR_NS


def rows_by_part(output: Path, *seconds: float) -> dict[str, list[float]]:
    """Seconds from the hour's begin, as they were given, by the part that holds them."""
    dataset = Dataset(output, "events", replace=False)
    for each in seconds:
        dataset.add((HOUR + int(each * SECOND), *[None] * (len(COLUMNS["events"]) - 1)))
    dataset.finish()
    found = {}
    for path in dataset.publish():
        table = pq.read_table(path, columns=["received_at"], partitioning=None)
        times = table.column(0).cast("int64").to_pylist()
        found[f"{path.parent.name}/{path.name}"] = [(at - HOUR) / SECOND for at in times]
    return found


def test_rows_that_alternate_around_the_end_of_an_hour_make_one_part_of_each(tmp_path: Path) -> None:
    assert rows_by_part(tmp_path, -2, 0.5, -1, 1, -0.5, 30, 90) == {
        "hour=11/part-0.parquet": [-2, -1, -0.5],
        "hour=12/part-0.parquet": [0.5, 1, 30, 90],
    }


def test_a_row_of_an_hour_that_was_left_for_longer_makes_another_part(tmp_path: Path) -> None:
    assert rows_by_part(tmp_path, -2, 30, 90, -1, 91, 4000, -1) == {
        "hour=11/part-0.parquet": [-2],
        "hour=11/part-1.parquet": [-1],
        "hour=11/part-2.parquet": [-1],
        "hour=12/part-0.parquet": [30, 90, 91],
        "hour=13/part-0.parquet": [4000],
    }
