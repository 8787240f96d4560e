import json

from common.runtime.playback.addressed import addressed

BOOK = b'{"market": "0x01", "asset_id":"11","bids":[],  "asks":[],"event_type":"book"}'
OTHER = BOOK.replace(b"11", b"22")


def test_an_array_is_cut_to_the_events_that_concern_and_each_keeps_its_bytes() -> None:
    frame = addressed(b"[" + BOOK + b",  " + OTHER + b"]\n")
    assert frame.only(lambda part: "22" in part.token_ids) == b"[" + OTHER + b"]\n"
    assert frame.only(lambda _part: True) == frame.payload, "a whole frame goes out as it was recorded"
    assert frame.only(lambda part: "33" in part.token_ids) is None


def test_a_change_concerns_every_token_that_it_names_and_stays_whole() -> None:
    changes = [{"asset_id": "11", "price": "0.5"}, {"asset_id": "22", "price": "0.5"}]
    payload = json.dumps({"event_type": "price_change", "market": "0x01", "price_changes": changes}).encode()
    [part] = addressed(payload).parts
    assert part.token_ids == ("11", "22")
    assert addressed(payload).only(lambda part: "22" in part.token_ids) == payload


def test_announcements_are_for_those_who_asked_for_them_and_name_no_token() -> None:
    [part] = addressed(b'{"event_type":"best_bid_ask","asset_id":"11"}').parts
    assert part.flagged
    assert part.token_ids == ("11",)
    [part] = addressed(b'{"event_type":"market_resolved","assets_ids":["11","22"]}').parts
    assert part.token_ids == ("11", "22")


def test_what_cannot_be_read_is_about_nobody_knows_what() -> None:
    for payload in (b"garbage", b"\xff\xfe", b"", b'{"asset_id":7}', b"[1,", b'["text"]'):
        [part] = addressed(payload).parts
        assert (part.kind, part.token_ids, part.market) == ("", (), ""), payload
        assert addressed(payload).only(lambda _part: True) == payload
