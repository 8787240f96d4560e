"""What a sidecar needs, read back from rows."""

import msgspec
import pytest

from common.core.row_facts import RowFacts, facts_of_row, producer_and_facts_of_row


def test_a_message_counts_by_its_sequences() -> None:
    row = (
        b'{"producer":"p","received_at_ns":5,"session_id":"s",'
        b'"message_sequence":2,"global_message_sequence":3}'
    )
    assert producer_and_facts_of_row(row) == ("p", RowFacts(5, "s", 2, 3))


def test_a_life_cycle_row_has_no_sequences_and_a_gap_its_detail() -> None:
    row = b'{"received_at_ns":5,"session_id":"s","record_type":"gap","gap":{"cause":"spool full"}}\n'
    assert facts_of_row(row) == RowFacts(5, "s", gap={"cause": "spool full"})


def test_a_checkpoint_counts_by_its_own_sequence() -> None:
    assert facts_of_row(b'{"received_at_ns":5,"session_id":null,"checkpoint_sequence":4}') == RowFacts(
        5, "", 4
    )


@pytest.mark.parametrize("line", [b"", b"{}", b"[1]", b'{"received_at_ns":"5"}', b'{"received_at_ns":5'])
def test_what_is_no_row_is_refused(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        facts_of_row(line)
