"""The hash recipes of all protocols: which to try, what was proved, and what a successor must know."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from common.core.books.unknown_keys import Extra
from common.core.instants import utc_text
from common.core.market import Protocol
from common.core.recipes.recipe import KNOWN_KEYS, KNOWN_RECIPES, Recipe, in_order, protocol_of
from common.core.recipes.trust import FoundBy, Proof, ProtocolTrust

_PROTOCOLS_KEPT = 8
_OTHERS = "other"
_STEADY_AFTER = (
    3  # books of one token that repeat the value of an unknown key, before it is taken for constant
)
_KEYS_KEPT = 64
_LATEST_MS = 253_402_300_799_000  # the end of the year 9999: the exchange's times may be any number


class ProofShown(msgspec.Struct, frozen=True):
    """One recipe that has agreed with books of a protocol, and what a successor must know to go on with it."""

    recipe: str
    keys: tuple[str, ...]
    found_by: FoundBy
    since_utc: str
    since_ms: int
    books_agreed: int
    changes_agreed: int
    trusted: bool


class RecipeAccount:
    """Shared by all connections. `revision` grows when a recipe is found or lost: what failed may be tried again."""

    def __init__(self, known: Iterable[Recipe] = KNOWN_RECIPES) -> None:
        self._recipes: list[Recipe] = list(known)
        self._trusts: dict[Protocol, ProtocolTrust] = {}
        self._repeated: dict[str, int] = {}  # by unknown key; below 0: it has changed
        self._learned: list[dict[str, str]] = []
        self.revision = 0

    @property
    def recipes(self) -> Sequence[Recipe]:
        """All that are known, and those that were found."""
        return self._recipes

    def trust_of(self, version: str | None) -> ProtocolTrust:
        """What is proved of the protocol that a book names."""
        protocol = protocol_of(version)
        trust = self._trusts.get(protocol)
        if trust is None:
            if len(self._trusts) >= _PROTOCOLS_KEPT:
                protocol = _OTHERS
            trust = self._trusts.setdefault(protocol, ProtocolTrust(protocol))
        return trust

    def to_try(self, version: str | None) -> list[Recipe]:
        """Those that have agreed for the protocol, then all others."""
        proved = [proof.recipe for proof in self.trust_of(version).proofs]
        keys = {recipe.keys for recipe in proved}
        return proved + in_order((each for each in self._recipes if each.keys not in keys), version)

    def prove(self, trust: ProtocolTrust, recipe: Recipe, at_ms: int) -> Proof:
        """A recipe agreed for the first time with a book of this protocol."""
        known = any(recipe.keys == each.keys for each in self._recipes)
        found_by: FoundBy = "known" if known and recipe.name else "search"
        if not known:
            self._recipes.append(recipe)
        proof = trust.add(recipe, found_by, min(at_ms, _LATEST_MS))
        self._learned.append({"protocol": trust.protocol, "found_by": found_by, "keys": proof.recipe.text})
        self.revision += 1
        return proof

    def book_failed(self, trust: ProtocolTrust, token_id: str, at_ms: int, new_keys: tuple[str, ...]) -> None:
        """A whole book gives its own hash by none of the recipes."""
        trust.new_keys = new_keys
        self.revision += trust.book_failed(token_id, at_ms)

    # Unknown keys in recipes

    def compare_values(self, before: Mapping[str, str], now: Extra) -> None:
        """Two books of one token show whether their unknown keys are constant."""
        for key, value in now:
            if key not in before or key in KNOWN_KEYS:
                continue
            if len(self._repeated) < _KEYS_KEPT or key in self._repeated:
                count = self._repeated.get(key, 0)
                self._repeated[key] = count + 1 if count >= 0 and before[key] == value else -1

    def is_steady(self, recipe: Recipe) -> bool:
        """Whether all its keys are known, or were seen to be constant: else a change may have given one a new value."""
        unknown = [key for key in recipe.keys if key not in KNOWN_KEYS]
        return all(self._repeated.get(key, 0) >= _STEADY_AFTER for key in unknown)

    # What is told

    def take_learned(self) -> list[dict[str, str]]:
        """Recipes that agreed for the first time with a protocol, since the last call."""
        learned, self._learned = self._learned, []
        return learned

    def unknown(self) -> dict[Protocol, str]:
        """The protocols whose books cannot be checked, with what to do about it."""
        return {
            protocol: (
                f"no known recipe gives the hashes of {protocol} books: they are recorded but not checked"
                f" (new keys: {', '.join(trust.new_keys) or 'none'})."
                " Look for a newer version of this program, which may know the recipe"
            )
            for protocol, trust in sorted(self._trusts.items())
            if trust.is_unknown
        }

    def report(self) -> dict[Protocol, tuple[ProofShown, ...]]:
        """Every recipe that has agreed, by protocol: as the run manifest shows it and `restore` takes it."""
        return {
            protocol: tuple(
                ProofShown(
                    recipe=proof.recipe.name or "found",
                    keys=proof.recipe.keys,
                    found_by=proof.found_by,
                    since_utc=utc_text(proof.since_ms * 1_000_000),
                    since_ms=proof.since_ms,
                    books_agreed=proof.books,
                    changes_agreed=proof.changes,
                    trusted=trust.is_proved,
                )
                for proof in trust.proofs
            )
            for protocol, trust in sorted(self._trusts.items())
            if trust.proofs
        }

    def restore(self, report: Mapping[Protocol, Sequence[ProofShown]]) -> None:
        """Go on from what a predecessor reported last."""
        named = {recipe.keys: recipe for recipe in self._recipes}
        for protocol, proofs in report.items():
            trust = self._trusts.setdefault(protocol, ProtocolTrust(protocol))
            for told in reversed(proofs):
                recipe = named.get(told.keys) or Recipe(told.keys)
                if told.keys not in named:
                    self._recipes.append(recipe)
                    named[told.keys] = recipe
                proof = trust.add(recipe, told.found_by, told.since_ms)
                proof.books, proof.changes = told.books_agreed, told.changes_agreed
                trust.is_proved = told.trusted
