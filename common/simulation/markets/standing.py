"""Markets without a window: they stay open as long as the exchange runs, whatever their end date says.

A Yes/No market whose end date is over, a match with names for outcomes and no end date, and an event of 20 markets of
which one wins (negative risk). `more` adds open Yes/No markets in events of their own, for a crowd.
"""

from collections.abc import Iterator

import msgspec

from common.simulation.markets.ids import digests, make_ids, protocol_of
from common.simulation.markets.listing import Event, Listing, Protocols, Tag

DAY = 86_400
AGE_DAYS = 90  # since they were listed
TEAMS = 20
TEAM_TICKS = (100, 50, 25)  # ten-thousandths; teams that hardly anybody bets on trade in thousandths
FINE_TICK, FINE_BELOW = 10, 0.06
POLITICS: tuple[Tag, ...] = (("Politics", "politics"), ("Elections", "elections"))
SPORTS: tuple[Tag, ...] = (("Sports", "sports"), ("Soccer", "soccer"))
SCIENCE: tuple[Tag, ...] = (("Science", "science"), ("Crowd", "crowd"))
BASKETBALL: tuple[Tag, ...] = (("Sports", "sports"), ("Basketball", "basketball"))


class _Plan(msgspec.Struct, frozen=True):
    """What differs between markets without a window; `end_days` counts from today, None means no end date."""

    slug: str
    question: str
    event: Event
    number: int
    tick: int
    worth: float
    outcomes: tuple[str, str] = ("Yes", "No")
    end_days: int | None = None


def standing_markets(seed: int, protocols: Protocols, now_s: float, *, more: int = 0) -> Iterator[Listing]:
    """All of them; the same seed, day and `more` give the same ones."""
    today = int(now_s) // DAY * DAY
    for plan in (_overdue(), _match(), *_cup(), *(_one_of_crowd(number) for number in range(more))):
        yield _listing(seed, plan, protocols, today)


def _listing(seed: int, plan: _Plan, protocols: Protocols, today: int) -> Listing:
    digest = digests(seed, plan.slug)
    protocol = protocol_of(protocols, plan.number)
    return Listing(
        id=str(8_000_000 + int.from_bytes(digest[0][1:4]) % 1_000_000),
        slug=plan.slug,
        question=plan.question,
        description=f'This market will resolve to "{plan.outcomes[0]}" or to "{plan.outcomes[1]}".',
        event=plan.event,
        protocol=protocol,
        ids=make_ids(digest, protocol),
        question_id="0x" + digest[3].hex(),
        created=today - AGE_DAYS * DAY,
        tick=plan.tick,
        outcomes=plan.outcomes,
        end=None if plan.end_days is None else today + plan.end_days * DAY,
        worth=plan.worth,
        spare_ids=bool(digest[0][5] % 2),
    )


def _overdue() -> _Plan:
    title = "Will the new government be sworn in by the end of the month?"
    slug = "will-the-new-government-be-sworn-in"
    return _Plan(slug, title, Event("18000001", slug, title, POLITICS), 0, 50, 0.37, end_days=-20)


def _match() -> _Plan:
    title, slug = "Žalgiris Kaunas vs. Partizan", "bkcl-zal-par"
    names = ("Žalgiris Kaunas", 'Partizan "Mozzart Bet"')
    return _Plan(slug, title, Event("18000002", slug, title, BASKETBALL), 1, 25, 0.58, names)


def _cup() -> Iterator[_Plan]:
    """The favourite is worth most, the others less and less; together about 1."""
    event = Event("18000003", "cup-winner", "Cup Winner", SPORTS, neg_risk=True)
    worths = [0.82**place for place in range(TEAMS)]
    for place, worth in enumerate(share / sum(worths) for share in worths):
        tick = FINE_TICK if worth < FINE_BELOW else TEAM_TICKS[place % len(TEAM_TICKS)]
        question = f"Will Team {place + 1} win the cup?"
        yield _Plan(f"will-team-{place + 1}-win-the-cup", question, event, place, tick, worth, end_days=60)


def _one_of_crowd(number: int) -> _Plan:
    slug, title = f"will-comet-{number}-return", f"Will comet {number} return?"
    event = Event(str(19_000_000 + number), slug, title, SCIENCE)
    return _Plan(slug, title, event, number, 100, 0.1 + number % 80 / 100, end_days=30 + number % 700)
