"""The one word that says what the recorder is doing, from what its processes say."""

from collections.abc import Collection
from typing import Literal

State = Literal[
    "STARTING",
    "RUNNING_RECEIVING",
    "RUNNING_RECONNECTING",
    "RUNNING_NO_ACTIVE_TOKENS",
    "STOPPING",
    "STOPPED",
    "FAILED",
]
SupervisorState = Literal["starting", "running", "failed", "stopping", "stopped"]
ReaderState = Literal["connecting", "waiting_for_data", "receiving", "reconnecting", "no_tokens"]


def word_for_run(state: ReaderState, *, had_data: bool) -> ReaderState:
    """What a reader's state means for the run: who had data before, in whichever life, is coming back."""
    return "reconnecting" if had_data and state in {"connecting", "waiting_for_data"} else state


def run_state(*, supervisor: SupervisorState, readers: Collection[ReaderState], finished: bool) -> State:
    """The run's state, from what the supervisor and the readers state of themselves."""
    if finished:
        return "STOPPED"
    if supervisor in {"stopping", "stopped"}:
        return "STOPPING"
    if supervisor == "failed":
        return "FAILED"
    with_tokens = [reader for reader in readers if reader != "no_tokens"]
    if readers and not with_tokens:
        return "RUNNING_NO_ACTIVE_TOKENS"
    if "reconnecting" in with_tokens:
        return "RUNNING_RECONNECTING"
    if with_tokens and all(reader == "receiving" for reader in with_tokens):
        return "RUNNING_RECEIVING"
    return "STARTING"
