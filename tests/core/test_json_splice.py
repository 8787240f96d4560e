import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.core.json_splice import splice

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
json_like = st.text(alphabet='[]{}:,"\\u0123eEd8f.+- \t\r\n\u2028\u0085truenlas', max_size=40).map(str.encode)


@given(json_values, st.sampled_from([None, 0, 3]), st.booleans(), st.sampled_from(["", " ", "\n", "\r\n\t"]))
def test_a_valid_value_keeps_its_meaning_on_one_line(
    value: object, indent: int | None, ascii_only: object, around: str
) -> None:
    text = around + json.dumps(value, indent=indent, ensure_ascii=bool(ascii_only)) + around
    spliced = splice(text.encode(errors="surrogatepass"))
    assert spliced.value is not None
    assert spliced.error is None
    assert json.loads(spliced.value, parse_float=str, parse_int=str) == json.loads(
        text, parse_float=str, parse_int=str
    )
    assert len(spliced.value.decode().splitlines()) == 1


@given(json_values | st.integers(), st.integers(0, 120), st.booleans())
def test_only_too_deep_or_too_large_values_are_refused_among_many_brackets(
    value: object, depth: int, spaced: object
) -> None:
    inner = json.dumps(value, indent=1 if spaced else None)
    text = "[" * depth + inner + "]" * depth
    alone = splice(inner.encode())
    among = splice(f"[{'{},' * 200}{text}]".encode())
    if alone.error is not None:
        assert among.error is not None
    elif depth < 90:
        assert among.error is None
    elif depth > 99:
        assert "nested deeper" in str(among.error)


@given(st.binary(max_size=60) | json_like)
def test_any_bytes_give_a_value_that_python_reads_alike_or_an_error(payload: bytes) -> None:
    spliced = splice(payload)
    if spliced.value is None:
        assert spliced.error
        return
    assert spliced.error is None
    assert json.loads(spliced.value.decode()) == json.loads(payload.decode())
    assert len(spliced.value.decode().splitlines()) == 1


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{", "truncated"),
        (b"\xff{}", "not valid UTF-8 at byte 0"),
        (b'{"a":"\xed\xa0\x80"}', "not valid UTF-8 at byte 6"),
        (b'{"a":NaN}', "byte 5"),
        (b'{"a":-Infinity}', "malformed"),
        (b"\xef\xbb\xbf{}", "byte 0"),
        (rb'{"a":"\ud800"}', "truncated"),
        (rb'{"a":"\ud800 and more"}', "escape"),
        (rb'{"\udc00":1, "b":"cd"}', "surrogate"),
        (b'{"a":1e999}', "number out of range at byte 5"),
        (b'["1e999",-1E+400]', "number out of range at byte 9"),
        (b"1" * 5000, "number out of range at byte 0"),
        (
            b'{"a":18446744073709551616}',
            "number out of range at byte 5: readers take 64-bit integers and doubles",
        ),
        (b'{"a":-9223372036854775809}', "number out of range at byte 5"),
        (b"[66357492701247383286635749270124738328]", "number out of range at byte 1"),
        (b"[12345678901234567890123.5]", "number out of range at byte 1"),
        (b"[12345678901234567890123e-9]", "number out of range at byte 1"),
        (b"[0e309]", "number out of range at byte 1"),
        (b"[1e-99999]", "number out of range at byte 1"),
        (b"[" * 200_000, "nested deeper than 100 levels"),
        (b"[" * 101 + b"]" * 101, "nested deeper than 100 levels"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "nested deeper than 100 levels"),
        (b"[" * 80 + b"]" * 80 + b"{" * 60, "malformed"),
        (b"[],[],", "malformed"),
        (rb'["\\",' + b"[" * 101 + rb'"\""' + b"]" * 102, "nested deeper than 100 levels"),
        (rb'["]\"]",' + b"[" * 101 + rb'"\\\""' + b"]" * 102, "nested deeper than 100 levels"),
    ],
)
def test_what_a_strict_reader_would_refuse_is_an_error_in_words(payload: bytes, words: str) -> None:
    spliced = splice(payload)
    assert spliced.value is None
    assert words in str(spliced.error)


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 100 + b"]" * 100,
        b"[18446744073709551615,-9223372036854775808,1e-308,0.000001E+0308,1.7976931348623157e308]",
        b"[" + b",".join([b"{}"] * 500) + b"]",
        b"[" + b",".join([rb'{"a]":"[\"[{\\"}'] * 500) + b"]",
        b"[" + b",".join([b"[" * 30 + b"]" * 30] * 50) + b"]",
        rb'["1e999",": 12345678901234567890123","\" 1e999"]',
        b'"' + b"[" * 500 + b'"',
        rb'{"a":"\ud83d\ude00\\","b":[1.50,-0,1E+2,0e308]}',
        b"null",
    ],
)
def test_harmless_values_pass_verbatim(payload: bytes) -> None:
    assert splice(payload).value == payload


def test_raw_line_breaks_go_and_numbers_stay_as_written() -> None:
    assert splice(b'[\r\n 1.50,\n {"a": 1E+2}]\n').value == b'[1.50,{"a":1E+2}]'


def test_breaks_that_only_careless_readers_see_are_escaped() -> None:
    assert splice('["\u2028\u2029\x85"]'.encode()).value == rb'["\u2028\u2029\u0085"]'


def test_four_times_the_size_does_not_take_sixteen_times_as_long() -> None:
    def shortest_s(size: int) -> float:
        payload = b'["' + b"\\\\" * 4 * size + b'",' + b"[1]," * size + b"1]"
        times = []
        for _ in range(5):
            started = time.process_time()
            splice(payload)
            times.append(time.process_time() - started)
        return min(times)

    assert shortest_s(40_000) < 10 * shortest_s(10_000)
