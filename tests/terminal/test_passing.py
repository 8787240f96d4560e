import msgspec
import pytest

from common.core.envelope import MESSAGE, ROW, Envelope
from common.core.market import Token
from common.core.rows.origin import LEGS, Leg, Origin
from common.polymarket.classify import classify
from common.queue.tail import Tailed
from common.terminal.legs import LegChoice, LegView
from common.terminal.passing import Filter, Passing, Reader, is_kind, payload_line
from procs.commands import tail_queue
from tests.contexts import context_for

UP = Token("btc-updown-5m-1", "0xa", "77", "Up", "2026-11-23T12:00:00.000000Z")
OTHER = Token("btc-updown-15m-1", "0xb", "88", "Up", "2026-11-23T12:00:00.000000Z")
CONTEXT = context_for(
    1, session_id="s", connection_sequence=1, url="ws://x", subscription_revision=1, tokens=[UP, OTHER]
)
TRADE = (
    b'{"event_type":"last_trade_price","market":"0xa","asset_id":"77","price":"0.4","size":"2","side":"BUY"}'
)
CHECKPOINT = msgspec.json.encode(
    {
        "record_type": "rest_checkpoint",
        "received_at_ns": 1,
        "tokens_tracked": [UP],
        "response": {"status_code": 200, "elapsed_ms": 3, "raw_response_json": [{"asset_id": "77"}]},
    }
)


ORIGIN = Origin("p", "simulated")


def message(payload: bytes) -> Tailed:
    return Tailed("ws_reader-0", ORIGIN, "ws_raw", Envelope(MESSAGE, 1, 5, 6, 7, 8, 1, 1, payload), CONTEXT)


def row(content: bytes, stream: str = "rest_checkpoints") -> Tailed:
    return Tailed("rest_checkpointer", ORIGIN, stream, Envelope(ROW, 1, 0, 0, 7, 8, 0, 0, content), None)


def of_leg(leg: Leg, payload: bytes, at_s: float) -> Tailed:
    origin = Origin(f"ws_reader-0{leg}-x", "simulated", leg)
    envelope = Envelope(MESSAGE, 1, 5, 6, 7, int(at_s * 10**9), 1, 1, payload)
    return Tailed(f"ws_reader-0{leg}", origin, "ws_raw", envelope, CONTEXT)


@pytest.mark.parametrize(("choice", "shown"), [("merged", 3), ("all", 6), ("a", 3), ("b", 3)])
def test_of_two_legs_either_is_shown_or_all_or_their_union(choice: LegChoice, shown: int) -> None:
    view = LegView(choice)
    passed = [
        each
        for at_s, payload in enumerate((TRADE, TRADE.replace(b"0x", b"0y"), b"PONG"))
        for leg in LEGS
        for each in view.take(of_leg(leg, payload, at_s))
    ]
    expected = shown + (choice == "merged")  # PONG answers one connection, and there are two
    assert len(passed) == expected


def test_what_is_late_or_doubtful_is_marked_in_the_row_too() -> None:
    passing = Reader().read(message(TRADE))
    assert passing.marked(late=False, doubtful=False) is passing
    fields = msgspec.json.decode(passing.marked(late=True, doubtful=False).row)
    assert fields["late"] is True
    assert "doubtful" not in fields


def test_a_message_becomes_the_archives_row_and_words() -> None:
    reader = Reader()
    passing = reader.read(message(TRADE))
    fields = msgspec.json.decode(passing.row)
    assert fields["json"] == msgspec.json.decode(TRADE)
    assert (fields["message_sequence"], fields["global_message_sequence"]) == (5, 6)
    assert [token["token_id"] for token in fields["tokens_tracked"]] == ["77", "88"]
    assert passing.row.endswith(b"}\n")
    assert passing.payload == TRADE
    assert passing.kinds == ("last_trade_price",)
    assert reader.words(passing) == ("btc-updown-5m-1 Up", "BUY 2 @ 0.4")


def test_a_complete_row_stays_as_it_is() -> None:
    reader = Reader()
    passing = reader.read(row(CHECKPOINT))
    assert passing.row == CHECKPOINT + b"\n"
    assert passing.payload == b'[{"asset_id":"77"}]'
    assert reader.words(passing) == ("", "200 in 3 ms, 1 of 1 books")
    closed = reader.read(row(b'{"record_type":"session_closed","received_at_ns":1,"session_closed":{}}'))
    assert closed.payload is None


def test_a_body_that_cannot_be_read_is_none() -> None:
    broken = b'{"record_type":"rest_checkpoint","received_at_ns":1,"response":{"raw_base64":"?"}}'
    assert Reader().read(row(broken)).payload is None


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (Filter(), [True, True, True]),
        (Filter(stream="ws_raw"), [True, True, False]),
        (Filter(event_type="last_trade_price"), [True, False, False]),
        (Filter(event_type="rest_checkpoint"), [False, False, True]),
        (Filter(token="77"), [True, False, True]),
        (Filter(token="7"), [False, False, False]),
        (Filter(market="btc-updown-5m-1"), [True, False, True]),
        (Filter(market="15m"), [False, True, False]),
        (Filter(market="nowhere"), [False, False, False]),
        (Filter(market="5m", stream="rest_checkpoints"), [False, False, True]),
    ],
)
def test_a_filter_shows_what_names_all_that_was_given(wanted: Filter, shown: list[bool]) -> None:
    reader = Reader()
    other = TRADE.replace(b"77", b"88").replace(b"0xa", b"0xb").replace(b"last_trade_price", b"book")
    passing: list[Passing] = [reader.read(each) for each in (message(TRADE), message(other), row(CHECKPOINT))]
    assert [wanted.wants(each, reader.tokens) for each in passing] == shown


@pytest.mark.parametrize(
    ("payload", "line"),
    [
        (b"PONG", b"PONG\n"),
        (b"[]\n", b"[]\n"),
        (b'{"a" : 1}\r\n', b'{"a" : 1}\n'),
        (b"a\nb", b'"a\\nb"\n'),
        (b"a\rb\n", b'"a\\rb\\n"\n'),
        (b"\xff", b"\xff\n"),
        (b"\xff\n\n", '"\ufffd\\n\\n"\n'.encode()),
    ],
)
def test_a_payload_is_one_line_whatever_it_holds(payload: bytes, line: bytes) -> None:
    assert payload_line(payload) == line


@pytest.mark.parametrize(
    "payload",
    [
        TRADE,
        b"PONG",
        b"NO NEW ASSETS",
        b"[]",
        b"{",
        b"\xff",
        b'{"bids":[],"asks":[]}',
        b'{"event_type":"merger"}',
    ],
)
def test_every_kind_that_is_shown_can_be_asked_for(payload: bytes) -> None:
    kinds = classify(payload).event_types
    assert kinds
    assert all(is_kind(kind) for kind in kinds)
    assert all(is_kind(kind) for kind in Reader().read(row(CHECKPOINT)).kinds)
    assert all(is_kind(kind) for kind in Reader().read(row(b"{}")).kinds)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("bok", "there is no event type 'bok'; did you mean 'book'?"),
        ("Price_Change", "did you mean 'price_change'?"),
        ("zzz", "there is no event type 'zzz'; known are book, price_change,"),
    ],
)
def test_an_event_type_that_can_never_come_is_refused(
    typed: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        tail_queue.main(["--event-type", typed])
    assert words in capsys.readouterr().err
