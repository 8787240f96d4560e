"""Whether all that lies together is of one exchange: invented data beside real data would be taken for real."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from common.archive.identity import IDENTITY_FILE, DamagedIdentityError, read_identity
from common.archive.verify.archive import CheckedArchive
from common.core.market import Exchange
from common.core.verify.sequences import Finding
from common.errors import ConfigError


def exchange_findings(checked: Sequence[CheckedArchive], data_root: Path | None = None) -> Iterator[Finding]:
    """One finding where archives are of another exchange than the others, or than their data root belongs to.

    Without a data root the archives are compared with each other.
    """
    belongs_to: Exchange | None = None
    if data_root is not None:
        try:
            identity = read_identity(data_root)
            belongs_to = identity.exchange if identity is not None else None
        except (DamagedIdentityError, ConfigError) as error:
            reason = str(error).removeprefix(f"{data_root / IDENTITY_FILE}: ")
            yield Finding("identity", IDENTITY_FILE, reason)
    counts = Counter(each.exchange for each in checked if each.exchange is not None)
    if not counts:
        return
    expected = belongs_to or counts.most_common(1)[0][0]
    odd = sorted((each.path, each.exchange) for each in checked if each.exchange not in {expected, None})
    if odd:
        path, exchange = odd[0]
        where = path.relative_to(data_root).as_posix() if data_root is not None else str(path)
        rest = f"a data root of {expected} data" if belongs_to else f"archives of {expected} data"
        words = f"holds {exchange} data among {rest}, as do {len(odd) - 1} more archives"
        yield Finding("exchange", where, f"{words}; move them to a folder of their own")
