"""Faults of shapes, clocks and of who gets which book, over the wire."""

import json
import time
from email.utils import parsedate_to_datetime

import pytest

from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from tests.simulation.client import Client, condition_of, current_markets, recipe, tokens_of
from tests.simulation.faults.test_faults import subscribed
from tests.simulation.test_http import get, post_books


def test_a_book_can_come_of_a_token_that_nobody_asked_for(breakable: EmbeddedExchange) -> None:
    other = tokens_of(current_markets(breakable.urls, 2)[1])[0]
    with subscribed(breakable) as client:
        breakable.fault("stranger", connection=client.number, token=other)
        [book] = json.loads(client.until("]\n")[-1])
        assert book["asset_id"] == other
        breakable.fault("stranger", connection=client.number)
        [book] = json.loads(client.until("]\n")[-1])
        mine = {tokens_of(market)[leg] for market in current_markets(breakable.urls, 1) for leg in (0, 1)}
        assert book["asset_id"] not in mine


def test_one_connection_can_miss_frames_that_another_gets(breakable: EmbeddedExchange) -> None:
    tokens = tokens_of(current_markets(breakable.urls)[0])
    with Client(breakable.urls) as whole, Client(breakable.urls) as lacking:
        breakable.fault("withhold", connection=lacking.number, every=3)
        for client in (whole, lacking):
            client.subscribe(tokens)
            client.receive()
        got = [frame for _ in range(6) for frame in lacking.until("price_changes")]
        sent = whole.until(got[-1])
        sent = sent[sent.index(got[0]) :]
        assert set(got) < set(sent), "some did not come here"


def test_one_connection_can_be_late_and_keeps_its_order(breakable: EmbeddedExchange) -> None:
    tokens = tokens_of(current_markets(breakable.urls)[0])
    with subscribed(breakable) as late, Client(breakable.urls) as other:
        breakable.fault("delay", connection=late.number, delay_seconds=0.5)
        other.subscribe(tokens)
        other.until("price_changes")
        asked = time.monotonic()
        late.send("PING")
        late.until("PONG")
        assert time.monotonic() - asked >= 0.5


def test_an_opening_book_can_fail_to_come_while_the_changes_do(breakable: EmbeddedExchange) -> None:
    one, other = tokens_of(current_markets(breakable.urls)[0])
    breakable.fault("no_book", token=one)
    with Client(breakable.urls) as client:
        client.subscribe([one, other])
        assert [book["asset_id"] for book in json.loads(client.receive())] == [other]
        assert one in client.until("price_changes")[-1]


def test_new_connections_can_get_opening_books_and_nothing_more_while_rest_trades_on(
    breakable: EmbeddedExchange,
) -> None:
    tokens = tokens_of(current_markets(breakable.urls)[0])
    body = [{"token_id": token} for token in tokens]
    breakable.fault("books_only", count=1)
    with Client(breakable.urls) as client:
        client.subscribe(tokens)
        opening = {book["asset_id"]: book["hash"] for book in json.loads(client.receive())}
        assert set(opening) == set(tokens)
        deadline = time.monotonic() + 60
        while {book["asset_id"]: book["hash"] for book in post_books(breakable, body).json()} == opening:
            assert time.monotonic() < deadline, "the market stands still"
        client.send("PING")
        assert client.receive() == "PONG"


def test_a_date_can_be_wrong_or_old_on_both_services(breakable: EmbeddedExchange) -> None:
    def told(url: str) -> tuple[float, str]:
        answer = get(url)
        return (
            parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time(),
            answer.headers.get("Age", "0"),
        )

    urls = f"{breakable.urls.gamma_url}/series", f"{breakable.urls.clob_url}/book?token_id=1"
    assert all(abs(told(url)[0]) < 30 for url in urls)
    breakable.fault("date", offset_seconds=-600)
    assert all(abs(told(url)[0] + 600) < 30 and told(url)[1] == "0" for url in urls)
    breakable.fault("clear")
    breakable.fault("date", age_seconds=240)
    assert all(abs(told(url)[0] + 240) < 30 and told(url)[1] == "240" for url in urls)


def test_a_new_key_can_enter_the_hash_of_every_book_and_change(breakable: EmbeddedExchange) -> None:
    market = current_markets(breakable.urls)[0]
    tokens = tokens_of(market)
    breakable.fault(
        "mutate",
        where="book",
        path="depth",
        value='"full"',
        before="neg_risk",
        hashed=True,
        slug=market["slug"],
    )
    [book, _] = post_books(breakable, [{"token_id": token} for token in tokens]).json()
    assert book["depth"] == "full"
    assert book["hash"] != recipe(book), "the published recipe no longer holds"
    with Client(breakable.urls) as client:
        client.subscribe(tokens)
        assert [book["depth"] for book in json.loads(client.receive())] == ["full", "full"]
        refresh = json.loads(client.until('"event_type":"book"', 5000)[-1])
        assert refresh["depth"] == "full"


@pytest.mark.parametrize("path", ["version", "price_changes.*.version"])
def test_changes_can_say_a_version_where_none_ever_was(breakable: EmbeddedExchange, path: str) -> None:
    market = current_markets(breakable.urls)[0]
    breakable.fault("mutate", where="price_change", path=path, value='"v2"', slug=market["slug"])
    with Client(breakable.urls) as client:
        client.subscribe(tokens_of(market), initial_dump=False)
        change = json.loads(client.until("price_changes")[-1])
        holders = [change] if path == "version" else change["price_changes"]
        assert [holder["version"] for holder in holders] == ["v2"] * len(holders)
        assert change["market"] == condition_of(market)


def test_gamma_s_faults_work_over_the_wire_and_end_with_their_count(breakable: EmbeddedExchange) -> None:
    slug = current_markets(breakable.urls)[0]["slug"]
    url = f"{breakable.urls.gamma_url}/markets/keyset"
    breakable.fault("listing", kind="missing", slug=slug, count=1)
    assert get(f"{breakable.urls.gamma_url}/markets/slug/{slug}").status_code == 200
    assert get(url, slug=slug).json() == {"markets": []}
    assert len(get(url, slug=slug).json()["markets"]) == 1
    breakable.fault("listing", kind="last_page_fails", status=503)
    first = get(url, tag_slug="sports", limit="20").json()
    last = get(url, tag_slug="sports", limit="20", after_cursor=first["next_cursor"])
    assert last.status_code == 503
    breakable.fault("mutate", where="market", change="rename", path="conditionId", to="condition_id")
    assert "condition_id" in get(f"{breakable.urls.gamma_url}/markets/slug/{slug}").json()
    breakable.fault("clear")
    assert "conditionId" in get(f"{breakable.urls.gamma_url}/markets/slug/{slug}").json()


def test_a_mutation_ends_after_its_seconds(breakable: EmbeddedExchange) -> None:
    token = tokens_of(current_markets(breakable.urls)[0])[0]
    breakable.fault("mutate", where="rest_book", path="extra", hashed=True, seconds=0.2)
    deadline = time.monotonic() + 60
    while "extra" in (book := post_books(breakable, [{"token_id": token}]).json()[0]):
        assert time.monotonic() < deadline, "the mutation does not end"
    assert recipe(book) == book["hash"]
