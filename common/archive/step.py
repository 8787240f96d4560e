"""One step of a replay."""

import msgspec

from common.core.books.connection import Books
from common.core.books.continuity import Break
from common.core.events.market_events import MarketEvent
from common.core.rows.reading import Row

NOT_KNOWN = "not known since here"  # what is shown in place of a book that an unusable event has voided
ANOTHER_RUN = "the recorder was started again"  # why what it knew when it was killed is not known any more


class Step(msgspec.Struct, frozen=True):
    """One event of a row, or a row without any (`event` None), and the books of its producer after it.

    `token_ids` are the tokens whose books the event changed. `broken` says which books are void from this row on.
    `books` is the same object at every step of a producer, or of a merged stream: look at it before the next step.
    `event_index` tells the events of a row's payload apart.
    """

    row: Row
    event: MarketEvent | None
    token_ids: tuple[str, ...]
    books: Books
    broken: Break | None = None
    event_index: int = 0
