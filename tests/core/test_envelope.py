import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.core.envelope import (
    MESSAGE,
    EncodingError,
    Envelope,
    decode_envelopes,
    encode_envelope,
    whole_envelopes,
)

counts = st.integers(0, 2**63 - 1)
envelopes = st.builds(
    Envelope,
    st.sampled_from([1, 2]),
    counts,
    counts,
    counts,
    counts,
    counts,
    st.integers(0, 2**32 - 1),
    st.integers(0, 15),
    st.binary(max_size=200),
)


@given(st.lists(envelopes, max_size=5))
def test_a_run_of_envelopes_decodes_to_what_was_encoded(run: list[Envelope]) -> None:
    assert list(decode_envelopes(b"".join(map(encode_envelope, run)))) == run


@given(st.lists(envelopes, min_size=1, max_size=4), st.data())
def test_a_torn_tail_hides_no_whole_envelope(run: list[Envelope], data: st.DataObject) -> None:
    encoded = [encode_envelope(envelope) for envelope in run]
    kept = data.draw(st.integers(0, len(encoded[-1]) - 1))
    torn = b"".join(encoded[:-1]) + encoded[-1][:kept]
    assert [envelope for envelope, _ in whole_envelopes(torn)] == run[:-1]
    if kept:
        with pytest.raises(EncodingError):
            list(decode_envelopes(torn))


@given(envelopes, st.data())
def test_one_altered_bit_is_noticed(envelope: Envelope, data: st.DataObject) -> None:
    altered = bytearray(encode_envelope(envelope))
    position = data.draw(st.integers(0, len(altered) - 1))
    altered[position] ^= 1 << data.draw(st.integers(0, 7))
    assert list(whole_envelopes(bytes(altered))) == []


def test_a_length_shorter_than_the_header_is_refused() -> None:
    envelope = Envelope(MESSAGE, 1, 1, 1, 0, 0, 1, 1, b"")
    with pytest.raises(EncodingError, match="byte 0"):
        list(decode_envelopes(b"\x01" + encode_envelope(envelope)[1:]))
