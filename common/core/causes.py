"""Why a session ended, which is also why messages may be missing until the next one: one word each.

`common/archive/README.md` says what each means.
"""

from typing import Literal

Cause = Literal[
    "connection_lost",
    "closed_by_exchange",
    "slow_consumer",
    "all_subscribed_assets_resolved",
    "no_first_message",
    "stale_feed",
    "no_first_book",
    "diverged",
    "no_active_tokens",
    "not_subscribed",
    "window_not_recorded",
    "not_yet_connected",
    "frame_too_large",
    "protocol_error",
    "send_failed",
    "reader_died",
    "recorder_stopping",
    "spool_full",
    "spool_superseded",
    "machine_stopped",
    "archives_missing",
]
