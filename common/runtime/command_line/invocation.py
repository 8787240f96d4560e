"""The commands by name, and how a user types them: from a checkout, or where the package is installed."""

import re
from pathlib import Path

PROGRAM = "orderbook-recorder"
DISTRIBUTION = "orderbooks-ws-recorder"  # what pip installs
COMMANDS = {
    "run-recorder": "records until it is stopped",
    "record-sample": "records for a bounded time, reads the result back and judges it",
    "discover-markets": "shows which markets would be recorded, or searches for others",
    "recorderctl": "shows a running recorder's status; scales, rotates, refreshes or stops it",
    "verify-archives": "reads closed archives again and reports what is wrong with them",
    "recover-archives": "closes archives that a crash or a copied disk left open",
    "upload-archives": "uploads closed archives once",
    "restore-archives": "fetches archives back from the remote and verifies them",
    "merge-recordings": "puts the recordings of several hosts into one data root",
    "replay-book": "shows a token's book at a time, or steps through its events",
    "export": "writes books and trades in the formats of other projects",
    "export-parquet": "writes events, best prices and books as Parquet tables",
    "windows": "lists windows with strike, settlement, winner and how well they are recorded",
    "tail-queue": "follows the messages of a running recorder",
    "drill": "breaks a running recorder on purpose and checks what it kept",
    "benchmark": "measures what the recorder costs on this machine",
    "simulate-exchange": "runs the embedded exchange by itself",
    "shell-completion": "prints what lets bash or zsh complete the commands",
}
IN_CHECKOUT = (Path(__file__).resolve().parents[3] / "bin" / ".environment").is_file()
_SCRIPT = re.compile(rf"(?<![\w./-])bin/({'|'.join(COMMANDS)})(?![\w-])")


def as_typed(text: str, *, checkout: bool = IN_CHECKOUT) -> str:
    """Text that names `bin/NAME`, as a user of this installation types it."""
    return text if checkout else _SCRIPT.sub(rf"{PROGRAM} \1", text)


def program_name(command: str, *, checkout: bool = IN_CHECKOUT) -> str:
    """What the usage line of a command's help begins with."""
    return command if checkout else f"{PROGRAM} {command}"
