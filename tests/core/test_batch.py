import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.core.batch import (
    HEADER_BYTES,
    LENGTH_BYTES,
    Batch,
    EncodingError,
    decode_batches,
    decode_envelopes,
    encode_batch,
    whole_batches,
)
from common.core.envelope import MESSAGE, Envelope

counts = st.integers(0, 2**63 - 1)
batches = st.builds(
    Batch,
    st.sampled_from([1, 2]),
    counts,
    counts,
    counts,
    counts,
    counts,
    st.integers(0, 2**32 - 1),
    st.integers(0, 15),
    st.lists(st.binary(max_size=200), min_size=1, max_size=6),
)


@given(st.lists(batches, max_size=5))
def test_a_series_of_batches_decodes_to_what_was_encoded(series: list[Batch]) -> None:
    encoded = [encode_batch(batch) for batch in series]
    assert list(decode_batches(b"".join(encoded))) == series
    assert [len(each) for each in encoded] == [
        HEADER_BYTES + LENGTH_BYTES * len(batch.payloads) + sum(map(len, batch.payloads)) for batch in series
    ]


@given(batches, st.data())
def test_a_batch_is_its_envelopes_with_sequences_that_count_up(batch: Batch, data: st.DataObject) -> None:
    envelopes = list(decode_envelopes(encode_batch(batch)))
    assert [envelope.payload for envelope in envelopes] == batch.payloads
    assert envelopes[-1] == batch.envelope(-1)
    assert envelopes[-1].lane_sequence == batch.last_lane_sequence
    index = data.draw(st.integers(0, len(envelopes) - 1))
    assert batch.since(index).envelopes() == envelopes[index:]
    assert envelopes[index] == Envelope(
        batch.kind,
        batch.lane_sequence + index,
        batch.message_sequence + index,
        batch.global_message_sequence + index,
        batch.received_at_ns,
        batch.received_monotonic_ns,
        batch.context,
        batch.opcode,
        batch.payloads[index],
    )


@given(st.lists(batches, min_size=1, max_size=4), st.data())
def test_a_torn_tail_hides_no_whole_batch(series: list[Batch], data: st.DataObject) -> None:
    encoded = [encode_batch(batch) for batch in series]
    kept = data.draw(st.integers(0, len(encoded[-1]) - 1))
    torn = b"".join(encoded[:-1]) + encoded[-1][:kept]
    assert [batch for batch, _ in whole_batches(torn)] == series[:-1]
    if kept:
        with pytest.raises(EncodingError):
            list(decode_batches(torn))


@given(batches, st.data())
def test_one_altered_bit_is_noticed(batch: Batch, data: st.DataObject) -> None:
    altered = bytearray(encode_batch(batch))
    position = data.draw(st.integers(0, len(altered) - 1))
    altered[position] ^= 1 << data.draw(st.integers(0, 7))
    assert list(whole_batches(bytes(altered))) == []


def test_a_length_shorter_than_the_header_is_refused() -> None:
    batch = Batch(MESSAGE, 1, 1, 1, 0, 0, 1, 1, [b""])
    with pytest.raises(EncodingError, match="byte 0"):
        list(decode_batches(b"\x01" + encode_batch(batch)[1:]))
    with pytest.raises(EncodingError, match="header is cut at byte 0"):
        list(decode_batches(encode_batch(batch)[: HEADER_BYTES - 1]))
