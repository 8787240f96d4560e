import itertools
import json
from collections import Counter
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from common.simulation.markets.frames import Frame, opening_book
from common.simulation.markets.market import SimulatedMarket
from common.simulation.markets.model import MarketModel
from tests.simulation.client import Rebuilt

NOW_MS = 1_766_481_600_000  # on the border of a window


def run(model: MarketModel, market: SimulatedMarket, until_s: int, step_ms: int = 50) -> Iterator[Frame]:
    model.watch([market.listing.condition_id], NOW_MS)
    for now_ms in range(NOW_MS, NOW_MS + until_s * 1000, step_ms):
        yield from model.advance(now_ms)
        yield from model.traffic(now_ms)


def current(model: MarketModel, coin: str = "btc") -> SimulatedMarket:
    listing = next(
        one
        for one in model.calendar.by_slug.values()
        if one.start == NOW_MS // 1000 and one.slug.startswith(coin)
    )
    market = model.market(listing.token_ids[0], NOW_MS)
    assert market is not None
    return market


def rebuild(opening: str, frames: list[Frame], *, neg_risk: bool = False) -> Rebuilt:
    """Apply the stream batch by batch, each checked against the exchange's hashes after its last frame."""
    books = Rebuilt(neg_risk=neg_risk)
    books.opening(opening)
    documents = [json.loads(frame.text) for frame in frames]
    trades = [one["price"] for one in documents if one["event_type"] == "last_trade_price"]
    announced = [str(Decimal(price).quantize(Decimal("0.001"), ROUND_HALF_UP)) for price in trades]
    for (_, kind), group in itertools.groupby(
        documents, key=lambda one: (one["timestamp"], one["event_type"])
    ):
        batch = list(group)
        if kind == "price_change":
            entries = [entry for document in batch for entry in document["price_changes"]]
            for entry in entries:
                books.change(entry)
            for token, stated in {(entry["asset_id"], entry["hash"]) for entry in entries}:
                books.check(token, batch[0]["timestamp"], stated, announced[:1])
        for document in batch:
            if kind == "book":
                known = books.trades[document["market"]]
                books.trades[document["market"]] = announced[0] if announced else known
                books.take_book(document)
                books.trades[document["market"]] = known
            elif kind == "last_trade_price":
                books.trades[document["market"]] = announced.pop(0)
            elif kind == "tick_size_change":
                books.ticks[document["asset_id"]] = document["new_tick_size"]
    return books


def test_every_hash_of_a_market_recomputes_from_its_opening_to_its_end() -> None:
    model = MarketModel(7, 20, NOW_MS)
    market = current(model)
    opening = f"[{opening_book(market.book, 0)},{opening_book(market.book, 1)}]"
    frames = list(run(model, market, 60, step_ms=10))
    books = rebuild(opening, frames)
    assert books.failures == []
    assert books.checked > 1000
    assert all(side == {} for sides in books.levels.values() for side in sides.values())
    kinds = Counter(frame.kind for frame in frames)
    assert {"price_change", "book", "best_bid_ask", "last_trade_price", "market_resolved"} <= set(kinds)
    assert frames[-1].kind == "market_resolved"


def test_ticks_become_finer_near_the_ends() -> None:
    model = MarketModel(3, 20, NOW_MS)
    frames = list(run(model, current(model), 28))
    changes = [json.loads(frame.text) for frame in frames if frame.kind == "tick_size_change"]
    assert [(one["old_tick_size"], one["new_tick_size"]) for one in changes] == [("0.01", "0.001")] * 2


def test_both_legs_are_mirrored_in_every_price_change() -> None:
    model = MarketModel(1, 300, NOW_MS)
    market = current(model)
    for frame in run(model, market, 20):
        if frame.kind != "price_change":
            continue
        entries = {token: [] for token in market.listing.token_ids}  # type: dict[str, list[tuple[int, str]]]
        for entry in json.loads(frame.text)["price_changes"]:
            entries[entry["asset_id"]].append((round(float(entry["price"]) * 10_000), entry["side"]))
        up, down = entries.values()
        turned = {"BUY": "SELL", "SELL": "BUY"}
        assert sorted(up) == sorted((10_000 - price, turned[side]) for price, side in down)


def test_the_best_of_a_flagged_connection_comes_before_its_price_change() -> None:
    model = MarketModel(1, 300, NOW_MS)
    frames = list(run(model, current(model), 30))
    for one, after in itertools.pairwise(frames):
        if one.kind == "best_bid_ask" and after.kind != "best_bid_ask":
            assert after.kind == "price_change"
            assert json.loads(one.text)["timestamp"] == json.loads(after.text)["timestamp"]


def test_changes_are_repeated_sometimes_with_their_entries_swapped() -> None:
    model = MarketModel(1, 300, NOW_MS)
    frames = [frame for frame in run(model, current(model), 120, step_ms=20) if frame.kind == "price_change"]
    seen = Counter(frame.text for frame in frames)
    assert max(seen.values()) == 2
    entries = [
        [*sorted(map(str, json.loads(text)["price_changes"])), json.loads(text)["timestamp"]] for text in seen
    ]
    assert any(entries.count(one) == 2 for one in entries), "none was swapped"


def test_one_batch_comes_in_several_frames_with_one_hash() -> None:
    model = MarketModel(1, 300, NOW_MS)
    frames = [json.loads(frame.text) for frame in run(model, current(model), 30)]
    changes = [one for one in frames if one["event_type"] == "price_change"]
    batches = Counter((one["timestamp"], one["price_changes"][0]["hash"]) for one in changes)
    assert max(batches.values()) >= 2


def test_timestamps_never_go_back_in_book_and_price_change() -> None:
    model = MarketModel(1, 20, NOW_MS)
    stamps = [
        int(json.loads(frame.text)["timestamp"])
        for frame in run(model, current(model), 40)
        if frame.kind == "book"
    ]
    assert stamps == sorted(stamps)


def test_the_same_seed_and_clock_give_the_same_frames_and_another_seed_does_not() -> None:
    def frames(seed: int) -> list[str]:
        model = MarketModel(seed, 60, NOW_MS)
        return [frame.text for frame in run(model, current(model), 10)]

    assert frames(5) == frames(5)
    assert frames(5) != frames(6)


def test_a_settled_market_is_silent_and_forgotten_after_a_while() -> None:
    model = MarketModel(1, 4, NOW_MS)
    market = current(model)
    list(run(model, market, 40))
    later = NOW_MS + 40_000
    assert market.settled
    assert market.group(later, 500) == []
    assert model.market(market.listing.token_ids[0], later) is None
    model.roll(later + 200_000)
    assert market.listing.slug not in model.calendar.by_slug


def test_new_markets_are_announced_again_and_again_sometimes_with_encoded_lists() -> None:
    model = MarketModel(1, 300, NOW_MS)
    announced = [json.loads(model.announcement(NOW_MS).text) for _ in range(50)]
    assert {type(one["assets_ids"]) for one in announced} == {str, list}
    assert 2 <= len({one["slug"] for one in announced}) < 50


def test_a_market_without_watchers_makes_no_traffic() -> None:
    assert MarketModel(1, 300, NOW_MS).traffic(NOW_MS) == []
