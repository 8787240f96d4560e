"""What a sidecar needs, read back from rows."""

import pytest

from common.core.rows.facts import RowFacts, facts_of
from common.core.rows.reading import row_of
from common.errors import ArchiveError


def test_a_message_counts_by_its_sequences() -> None:
    row = (
        b'{"record_type":"message","producer":"p","received_at_ns":5,"session_id":"s",'
        b'"message_sequence":2,"global_message_sequence":3}'
    )
    assert facts_of(row_of(row)) == RowFacts(5, "s", 2, 3)


def test_a_life_cycle_row_has_no_sequences_and_a_gap_its_detail() -> None:
    row = b'{"received_at_ns":5,"session_id":"s","record_type":"gap","gap":{"cause":"spool full"}}\n'
    assert facts_of(row_of(row)) == RowFacts(5, "s", gap={"cause": "spool full"})


def test_a_checkpoint_counts_by_its_own_sequence() -> None:
    row = b'{"record_type":"rest_checkpoint","received_at_ns":5,"session_id":null,"checkpoint_sequence":4}'
    assert facts_of(row_of(row)) == RowFacts(5, "", 4)


@pytest.mark.parametrize("line", [b"", b"{}", b"[1]", b'{"received_at_ns":"5"}', b'{"received_at_ns":5'])
def test_what_is_no_row_is_refused(line: bytes) -> None:
    with pytest.raises(ArchiveError):
        row_of(line)
