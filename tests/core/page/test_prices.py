from common.core.page.live import Checked, LadderNow, LiveAnswer, TokenNow, Trade
from common.core.page.markets import markets_view
from common.core.page.prices import (
    NO_ANSWER,
    NO_BOOK,
    RESTS,
    ladder_view,
    question_about,
    spread,
    with_prices,
)
from tests.core.page.manifests import NOW, manifest, market

AGREES, DIFFERS = Checked("agree", "", NOW // 1_000_000), Checked("divergence", "hash", NOW // 1_000_000)


def priced(bid: str | None, ask: str | None, check: Checked) -> TokenNow:
    return TokenNow(book=True, best_bid=bid, best_ask=ask, checked=check)


VIEW = markets_view(manifest(markets=[market("m", -10, 290)]), search="", page=1, now_ns=NOW)


def test_a_market_has_prices_rate_and_the_worst_of_its_last_checks() -> None:
    tokens = {"7": priced("0.42", "0.435", AGREES), "70": priced("0.56", None, DIFFERS)}
    (row,) = with_prices(VIEW, LiveAnswer(tokens, rates={"0xabc": 12.5}))["markets"]
    up, down = row["tokens"]
    assert (up["bid"], up["ask"], up["spread"], up["mid"]) == ("0.42", "0.435", "0.015", 0.4275)
    assert (down["bid"], down["ask"], down["spread"], down["mid"]) == ("0.56", None, None, None)
    assert (row["rate"], row["check"]["verdict"], row["check"]["at_utc"][:19]) == (
        12.5,
        "divergence",
        "2026-11-23T12:00:00",
    )


def test_a_market_of_which_one_token_was_never_checked_has_no_verdict() -> None:
    (row,) = with_prices(VIEW, LiveAnswer({"7": TokenNow(checked=AGREES)}))["markets"]
    assert (row["check"], row["rate"], row["tokens"][0]["book"]) == (None, None, False)


def test_where_the_auditor_says_nothing_the_list_is_there_and_says_why() -> None:
    view = with_prices(VIEW, None)
    assert (view["prices_missing"], len(view["markets"])) == (NO_ANSWER, 1)
    assert with_prices(VIEW, LiveAnswer(rests=True))["prices_missing"] == RESTS
    assert with_prices(VIEW, LiveAnswer())["prices_missing"] == ""


def test_the_question_names_all_that_is_shown() -> None:
    question = question_about(VIEW["markets"])
    assert (question.token_ids, question.markets, question.ladder) == (("7", "70"), ("0xabc",), "")


def test_a_spread_is_exact() -> None:
    assert (spread("0.1", "0.3"), spread("0.5", "0.5"), spread(None, "0.5")) == ("0.2", "0", None)


def test_a_ladder_has_name_prices_and_trades() -> None:
    trades = (Trade(NOW, "0.42", "5", "SELL"),)
    ladder = LadderNow(
        "ws_reader-0a", NOW, NOW // 10**6, "0.01", (("0.42", "10"),), (("0.44", "7"),), 1, 1, trades
    )
    answer = LiveAnswer({"70": priced("0.42", "0.44", AGREES)}, ladder=ladder)
    view = ladder_view("70", answer, VIEW["markets"][0])
    assert (view["token"]["market_slug"], view["token"]["outcome"], view["why"]) == ("m", "Down", "")
    assert (view["book"]["mid"], view["book"]["spread"], view["check"]["verdict"]) == (0.43, "0.02", "agree")
    assert view["book"]["trades"] == [
        {"at_utc": "2026-11-23T12:00:00.000000Z", "price": "0.42", "size": "5", "side": "SELL"}
    ]


def test_the_instant_of_a_ladder_is_not_before_its_last_message() -> None:
    ladder = LadderNow("r", NOW + 1, NOW // 10**6, "", (), (), 0, 0)
    view = ladder_view("7", LiveAnswer(ladder=ladder), None)
    assert view["book"]["at_utc"] == "2026-11-23T12:00:00.000001Z"


def test_without_a_book_the_ladder_says_why() -> None:
    assert ladder_view("9", LiveAnswer(), None)["why"] == NO_BOOK
    assert ladder_view("9", LiveAnswer(rests=True), None)["why"] == RESTS
    assert ladder_view("9", None, None)["why"] == NO_ANSWER
