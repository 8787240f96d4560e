"""Reference prices in archives: read back in order, and passed over by what accounts for books."""

from pathlib import Path

import msgspec

from common.archive.hour_folders import archives_since
from common.archive.read import closed_archives
from common.archive.reference_prices import reference_prices
from common.archive.writing.store import LaneStore
from common.core.batch import Batch
from common.core.envelope import MESSAGE
from common.core.rows.facts import RowFacts, facts_of
from common.core.rows.names import REFERENCE
from common.core.rows.origin import Origin
from common.core.rows.reading import row_of
from common.core.rows.websocket import SESSION_CLOSED, SESSION_OPENED, Rows, control_row, message_constant
from common.polymarket.reference_rows import reference_rows
from tests.archive.recordings import MINUTES, SECOND_NS, good_recording, verified
from tests.archive.rows import NOON_NS
from tests.contexts import context_for

PRODUCER = "reference-rtds-20261123T120000Z-a1b2c3"


def frame(second: int, value: str) -> bytes:
    told = {"symbol": "btc/usd", "timestamp": second * 1000, "full_accuracy_value": value}
    return msgspec.json.encode({"topic": "crypto_prices_twap_sixty", "type": "update", "payload": told})


def record(root: Path, payloads: list[bytes], after_ns: int = 0, producer: str = PRODUCER) -> None:
    """One session in lane 2, a message a second from `after_ns` past noon on."""
    began_ns = NOON_NS + after_ns
    store = LaneStore.open(root, 2, layout=MINUTES, gzip_level=1)
    context = context_for(
        1,
        session_id=f"{producer}-c1",
        connection_sequence=1,
        url="wss://rtds.test",
        subscription_revision=1,
        tokens=(),
    )
    origin = Origin(producer)

    def control(record_type: str, sequence: int, detail: dict[str, object]) -> None:
        at_ns = began_ns + (sequence - 1) * SECOND_NS
        row = control_row(
            record_type,
            context,
            origin=origin,
            received_at_ns=at_ns,
            received_monotonic_ns=sequence,
            detail=detail,
        )
        store.append_rows(REFERENCE, producer, sequence, Rows(b"", [row + b"\n"]), facts_of(row_of(row)))

    control(SESSION_OPENED, 1, {"source": "rtds"})
    for number, payload in enumerate(payloads, start=1):
        at_ns = began_ns + number * SECOND_NS
        batch = Batch(MESSAGE, number + 1, number, number, at_ns, number + 1, 1, 1, [payload])
        rows = Rows(message_constant(context, origin), reference_rows(batch).rests)
        facts = RowFacts(at_ns, context.session_id, number, number, rows=1, exchange="live")
        store.append_rows(REFERENCE, producer, number + 1, rows, facts)
    messages = len(payloads)
    control(SESSION_CLOSED, messages + 2, {"reason": "recorder_stopping", "detail": "", "messages": messages})
    store.close_all()
    store.commit()
    store.close()


def test_prices_are_read_back_in_order_and_repeats_stay(tmp_path: Path) -> None:
    record(tmp_path, [frame(1, "15" + "0" * 17), b"PONG", frame(1, "15" + "0" * 17), b"\xff", frame(2, "7")])
    found = [
        (at_ns - NOON_NS, price.at_ns, int(price.value * 10**18))
        for at_ns, price in reference_prices(tmp_path)
    ]
    assert found == [
        (1 * SECOND_NS, 1 * SECOND_NS, 15 * 10**17),
        (3 * SECOND_NS, 1 * SECOND_NS, 15 * 10**17),
        (5 * SECOND_NS, 2 * SECOND_NS, 7),
    ]
    later = reference_prices(tmp_path, since=NOON_NS + 4 * SECOND_NS)
    assert [price.coin for _, price in later] == ["btc"]
    assert verified(tmp_path).findings == ()


def test_the_accounts_of_books_pass_reference_prices_over(tmp_path: Path) -> None:
    good_recording(tmp_path)
    of_books = archives_since(tmp_path, 0)
    before = verified(tmp_path)
    record(tmp_path, [frame(1, "1")])
    assert archives_since(tmp_path, 0) == of_books
    assert len(closed_archives(tmp_path)) == len(of_books) + 1
    after = verified(tmp_path)
    assert (after.findings, after.archives) == (before.findings, before.archives + 1)
    assert after.hours == before.hours


def test_prices_of_several_hosts_follow_one_another_by_their_receive_times(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    record(one, [frame(1, "1"), frame(2, "2")])
    record(other, [frame(1, "1"), frame(2, "2")], after_ns=SECOND_NS // 2, producer=f"{PRODUCER}2")
    found = [(price.at_ns or 0) // SECOND_NS for _, price in reference_prices([one, other])]
    assert found == [1, 1, 2, 2]
