"""Holes and doubles in numbers that must run 1, 2, 3, ..."""


class SequenceCheck:
    """Sees the numbers of one session or producer in the order of their rows."""

    def __init__(self) -> None:
        self.missing: list[tuple[int, int]] = []
        self.doubled: list[int] = []
        self._last = 0

    def see(self, number: int) -> None:
        """The next number; one that is not higher than all before counts as doubled."""
        if number <= self._last:
            self.doubled.append(number)
            return
        if number > self._last + 1:
            self.missing.append((self._last + 1, number - 1))
        self._last = number

    def words(self, whose: str, *, gaps_declared: bool) -> list[str]:
        """What is wrong, one sentence each; holes are not if a gap row declares them."""
        sentences = []
        if self.missing and not gaps_declared:
            count = sum(last - first + 1 for first, last in self.missing)
            first, last = self.missing[0]
            sentences.append(f"{whose}: {count} missing and not declared, first {first} to {last}")
        if self.doubled:
            sentences.append(f"{whose}: {len(self.doubled)} doubled or out of order, first {self.doubled[0]}")
        return sentences
