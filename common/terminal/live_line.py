"""One line of a terminal that is drawn again and again: a bar, where the size of the work is known, and figures."""

from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

BAR_CELLS = 24


class LiveLine:
    """Drawn when told to, by no thread of its own; `keep` leaves it standing in the end."""

    def __init__(self, out: TextIO, total: float, *, keep: bool) -> None:
        bar = [BarColumn(BAR_CELLS)] if total else []
        console = Console(file=out)
        self._progress = Progress(
            *bar,
            TextColumn("{task.fields[figures]}", markup=False),
            console=console,
            auto_refresh=False,
            transient=not keep,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("", total=total or None, figures="")
        self._progress.start()

    def show(self, done: float, figures: str) -> None:
        """Draw how much is done, and the figures beside it."""
        self._progress.update(self._task, completed=done, figures=figures, refresh=True)

    def end(self) -> None:
        """No more is drawn."""
        self._progress.stop()
