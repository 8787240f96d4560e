"""Which program this is, as everything that it writes states it: `0.2.0`, with the commit where it is known."""

import re
from pathlib import Path

from common import __version__

_COMMIT_DIGITS = 12
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def commit_of(checkout: Path) -> str:
    """The commit that is checked out in a folder, empty where it is not a git checkout.

    Git's own files are read, for git need not be installed. Changes that are not committed do not show.
    """
    try:
        folder = _git_folder(checkout)
        head = (folder / "HEAD").read_text().strip()
        commit = _resolved(folder, head.removeprefix("ref: ")) if head.startswith("ref: ") else head
    except (OSError, UnicodeDecodeError):
        return ""
    return commit if _COMMIT.fullmatch(commit) else ""


def _git_folder(checkout: Path) -> Path:
    """`.git`, or in a further working tree the folder that the file of this name names."""
    git = checkout / ".git"
    return checkout / git.read_text().strip().removeprefix("gitdir: ") if git.is_file() else git


def _resolved(folder: Path, ref: str) -> str:
    """What a branch points to: a file of its own has it, or the file of those that were packed."""
    common = folder / "commondir"
    shared = folder / common.read_text().strip() if common.exists() else folder
    if (shared / ref).exists():
        return (shared / ref).read_text().strip()
    lines = (shared / "packed-refs").read_text().split("\n")
    return next((line.partition(" ")[0] for line in lines if line.endswith(f" {ref}")), "")


def program_version(checkout: Path) -> str:
    """The version of the program in a folder, as in `0.2.0+g1a2b3c4d5e6f`."""
    commit = commit_of(checkout)
    return f"{__version__}+g{commit[:_COMMIT_DIGITS]}" if commit else __version__


PROGRAM_VERSION = program_version(Path(__file__).parent.parent)
