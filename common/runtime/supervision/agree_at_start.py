"""Before a run begins: outboxes that are of an earlier life than the archives make room for new ones.

Left to the producers it would come to light only after they had received messages under numbers that are taken.
"""

import logging
from pathlib import Path

from common.archive.journal import read_journals
from common.errors import AlreadyRunningError, SupersededError
from common.queue.outbox import Outbox
from common.queue.outbox_files import IDENTITY, Identity

log = logging.getLogger(__name__)


def supersede_older_outboxes(run_dir: Path, data_root: Path) -> None:
    """Mark each outbox of which the journals hold more than it ever had. Raises ConfigError for a newer format."""
    journals = read_journals(data_root)
    for path in sorted((run_dir / "producers").glob(f"*/{IDENTITY}")):
        try:
            outbox = Outbox(path.parent, Identity("", ""), lanes=0, limit_bytes=0)
        except SupersededError:
            continue
        except AlreadyRunningError:
            continue  # a process of an earlier run still drains it
        durable = {
            lane: line.durable.get(outbox.identity.producer, 0)
            for lane, line in journals.items()
            if outbox.identity.producer in line.durable
        }
        if outbox.agreement.is_older_than(durable):
            log.error(
                "outbox is older than the archives", extra={"outbox": str(path.parent), "durable": durable}
            )
            outbox.agreement.supersede()
        outbox.close(finished=False)
