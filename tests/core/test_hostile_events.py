"""Whatever the exchange sends, and however it is spoilt on the way: reading it never raises."""

from random import Random

import pytest

from common.core.events.reader import read_events
from common.core.events.rest_answer import read_answer

MARKET, TOKEN = "0x" + "ab" * 32, "7" * 75
CHANGE = (
    f'{{"market":"{MARKET}","price_changes":[{{"asset_id":"{TOKEN}","price":"0.41","size":"5","side":"BUY",'
    '"hash":"00","best_bid":"0.41","best_ask":"0.5"}],"timestamp":"1795435200000","event_type":"price_change"}'
).encode()
BOOK = (
    f'{{"market":"{MARKET}","asset_id":"{TOKEN}","timestamp":"1795435200000","hash":"00","bids":[{{"price":".41",'
    '"size":"1"}],"asks":null,"event_type":"book","tick_size":0.01,"version":"v2"}'
).encode()
SPOILS = (
    *(b"\xff", b"\xc3\x28", rb"\udc00", rb"\u0000", b"\x00", b"\\"),
    *(b'"', b"[", b"{", b"}", b"1e999", b"-", b"null", b""),
)


def spoilt(payload: bytes, chance: Random) -> bytes:
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(payload) + 1)
        payload = payload[:at] + chance.choice(SPOILS) + payload[at + chance.randint(0, 12) :]
    return payload


@pytest.mark.parametrize("original", [CHANGE, BOOK, b"[" + BOOK + b"," + CHANGE + b"]"])
def test_no_spoilt_frame_makes_a_reader_raise(original: bytes) -> None:
    chance = Random(7)
    for _ in range(1500):
        payload = spoilt(original, chance)
        read_events(payload)
        read_answer(payload)
        read_answer(b"[" + payload + b"]")


def test_a_frame_that_is_not_utf8_names_whom_it_is_about() -> None:
    [event] = read_events(CHANGE.replace(b"price_change", b"\xff\xfe", 1))
    assert (event.market, event.token_ids) == (MARKET, ())  # type: ignore[union-attr]
