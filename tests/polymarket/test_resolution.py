"""Questions about how windows were resolved."""

from urllib.parse import parse_qs, urlsplit

from common.core.resolution.watch import Waiting
from common.polymarket.resolution import ask_data_api


def waiting(number: int) -> Waiting:
    return Waiting(
        slug=f"w{number}",
        condition_id=f"0x{number:064x}",
        token_ids=(f"{number}0", f"{number}1"),
        outcomes=("Up", "Down"),
        start_utc="2026-11-23T12:00:00Z",
        end_utc="2026-11-23T12:05:00Z",
    )


def test_conditions_are_asked_for_in_runs_of_twenty() -> None:
    left, runs = [waiting(number) for number in range(41)], []
    while left:
        question = ask_data_api("http://data.test/", left)
        [conditions] = parse_qs(urlsplit(question.url).query)["condition"]
        assert conditions.split(",") == [each.condition_id for each in question.asked]
        runs.append(len(question.asked))
        left = left[len(question.asked) :]
    assert runs == [20, 20, 1]
