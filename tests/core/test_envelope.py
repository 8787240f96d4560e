import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.core.envelope import (
    MESSAGE,
    EncodingError,
    Envelope,
    Message,
    decode_envelopes,
    encode_envelope,
    encode_messages,
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


@given(
    messages=st.lists(st.builds(Message, st.sampled_from([1, 2]), st.binary(max_size=300)), max_size=20),
    first=st.builds(
        Envelope,
        kind=st.just(MESSAGE),
        lane_sequence=st.integers(1, 2**60),
        message_sequence=st.integers(1, 2**60),
        global_message_sequence=st.integers(1, 2**60),
        received_at_ns=st.integers(0, 2**62),
        received_monotonic_ns=st.integers(0, 2**62),
        context=st.integers(1, 2**31),
        opcode=st.just(0),
        payload=st.just(b""),
    ),
)
def test_many_messages_are_encoded_as_each_by_itself(messages: list[Message], first: Envelope) -> None:
    singly = [
        msgspec.structs.replace(
            first,
            lane_sequence=first.lane_sequence + at,
            message_sequence=first.message_sequence + at,
            global_message_sequence=first.global_message_sequence + at,
            opcode=message.opcode,
            payload=message.payload,
        )
        for at, message in enumerate(messages)
    ]
    assert encode_messages(messages, first) == b"".join(map(encode_envelope, singly))
