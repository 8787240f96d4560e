"""Follows the feeds of several worlds over one connection, with a checkpoint now and then, as the auditor does."""

import json
from collections import Counter
from collections.abc import Iterable

from common.core.audit.checks import HEAL_MS
from common.core.audit.connections import BookAudit
from common.core.audit.heard import Heard
from common.core.audit.results import Result
from common.core.events.reader import read_events
from common.core.events.rest_answer import read_checkpoint
from common.core.recipes.account import RecipeAccount
from common.core.recipes.recipe import KNOWN_RECIPES, Recipe
from tests.core.hash_world import Object, World


class Follower:
    """`results` are all that came of the checks."""

    def __init__(self, *worlds: World, known: Iterable[Recipe] = KNOWN_RECIPES, rest: bool = True) -> None:
        self.worlds, self._rest = worlds, rest
        self.audit = BookAudit(RecipeAccount(known))
        self.results: list[Result] = []
        self._sequence = 0

    def hear(self, event: Object | list[Object], at_ms: int) -> None:
        self._sequence += 1
        self.audit.message(
            Heard("r", "s", self._sequence, at_ms * 1_000_000), read_events(json.dumps(event).encode())
        )
        self._collect()

    def open(self) -> None:
        """Opening books of all, in one array, and a checkpoint."""
        self.hear(
            [{**world.snapshot(), "event_type": "book"} for world in self.worlds], self.worlds[0].now_ms
        )
        self.checkpoint()

    def refresh(self, world: World) -> None:
        """The whole book again, as after a trade: without tick size and last price."""
        told = {
            key: value
            for key, value in world.snapshot().items()
            if key not in {"tick_size", "last_trade_price"}
        }
        self.hear({**told, "event_type": "book"}, world.now_ms)

    def checkpoint(self) -> None:
        for world in self.worlds if self._rest else ():
            for shown in read_checkpoint(json.dumps([world.rest()]).encode()):
                self.audit.checkpoint(shown, 1)
        self._collect()

    def go_on(self, rounds: int = 6, *, step_ms: int = HEAL_MS // 2) -> None:
        """Changes of every world in turn, with whole books and checkpoints in between."""
        for number in range(rounds):
            for at, world in enumerate(self.worlds):
                world.now_ms += step_ms
                self.hear(world.change("0.41", str(world.now_ms % 9973 + 1)), world.now_ms)
                if number % 3 == 1 + at % 2:
                    self.refresh(world)
            if number % 4 == 3:
                self.checkpoint()

    def lose(self, world: World) -> None:
        """A change that never arrives."""
        world.change("0.39", str(world.now_ms % 977 + 1))

    def _collect(self) -> None:
        self.results += [judged.result for judged in self.audit.take_results()]

    def counts(self) -> Counter[str]:
        """Results by kind and verdict: `hash agree`."""
        return Counter(f"{result.check} {result.verdict}" for result in self.results)

    @property
    def divergences(self) -> list[Result]:
        return [result for result in self.results if result.verdict in {"divergence", "size_only"}]

    @property
    def reasons(self) -> set[str]:
        return {result.reason for result in self.results if result.verdict == "not_checkable"}
