"""The detail of a `gap` row, which the run manifest shows too."""

import msgspec

from common.core.causes import Cause


class Gap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Messages may be missing between two instants; what is not known, or not meant, is left out.

    `declared_at_utc` is for the run manifest alone: a row has a time of its own. The numbers are those of what is
    missing. `market_slug` is of a window that was not recorded, for a `reason`. `missing` names what is missing
    where that is not messages.
    """

    declared_at_utc: str = ""
    cause: Cause
    from_utc: str
    to_utc: str
    token_ids: tuple[str, ...] | None = None
    market_slug: str | None = None
    reason: str | None = None
    lane: int | None = None
    first_lane_sequence: int | None = None
    last_lane_sequence: int | None = None
    first_global_message_sequence: int | None = None
    last_global_message_sequence: int | None = None
    first_checkpoint_sequence: int | None = None
    last_checkpoint_sequence: int | None = None
    messages: int | None = None
    first_number: int | None = None
    last_number: int | None = None
    missing: str = ""

    def declared(self, at_utc: str) -> "Gap":
        """The same with the instant of its row, for the run manifest."""
        return msgspec.structs.replace(self, declared_at_utc=at_utc)
