"""What is in the rows of reference prices: those of websocket messages, with kinds of their own."""

from common.core.batch import Batch
from common.core.json_splice import splice
from common.core.reference.frames import EMPTY, NOT_UTF8, PONG, read_frame
from common.core.rows.websocket import Classified, message_rest
from common.polymarket.batch_rows import MessageRows

_NO_JSON_EXPECTED = (EMPTY, PONG)


def reference_rows(batch: Batch) -> MessageRows:
    """The rows of a batch, in order. Nothing is counted of them here: the process that records them does."""
    return MessageRows(
        [message_rest(envelope, classified(envelope.payload)) for envelope in batch.envelopes()], []
    )


def classified(payload: bytes) -> Classified:
    """What the row of a message states of it; never raises."""
    kind, spliced = read_frame(payload).kind, splice(payload)
    text = None if kind == NOT_UTF8 else payload.decode()
    error = None if kind in _NO_JSON_EXPECTED else spliced.error
    return Classified(text, spliced.value, error, (kind,))
