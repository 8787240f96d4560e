"""The load: what the embedded exchange would say of some markets, made beforehand and sent in a circle.

A circle ends with the books as they are then, all in one message. To a receiver that has them, the next round is
older: a repeat, which changes no book, so that time that goes back makes nobody find fault. Nobody may have some of
them alone: the others would begin in a time that is long over by the books that there are.
"""

import struct
from collections.abc import Sequence
from pathlib import Path

import msgspec

from common.core.market import Token
from common.errors import RecorderError
from common.simulation.markets.frames import opening_array, opening_book
from common.simulation.markets.listing import Protocols
from common.simulation.markets.model import MarketModel
from common.simulation.options import SimulationOptions

TEXT, CLOSE = 1, 8
FRAMES = 4000  # 3.6 MB: far more than gzip's window sees
FRAMES_A_TOKEN = 40  # so that the books at the end of a circle change little in the mix
STEP_MS = 3  # of the market's time between two batches, as with the Bitcoin markets on a busy day


class Load(msgspec.Struct, frozen=True):
    """Payloads: `opening` is sent once, when the first subscription has come, then `circle` again and again."""

    opening: bytes
    circle: tuple[bytes, ...]

    def payload(self, number: int) -> bytes:
        """The nth message of a connection, from 1."""
        return self.opening if number == 1 else self.circle[(number - 2) % len(self.circle)]


def make_load(
    tokens: Sequence[Token], now_ms: int, *, count: int = 0, protocols: Protocols = "mixed"
) -> Load:
    """The exchange's mix of kinds and sizes about the markets of these tokens, at least `count` frames.

    With 0, as many as suit the number of tokens. Raises RecorderError where no market is open any more.
    """
    count = count or FRAMES + FRAMES_A_TOKEN * len(tokens)
    options = SimulationOptions()
    model = MarketModel(options.seed, options.window_seconds, now_ms, protocols=protocols)
    found = [(token.token_id, model.market(token.token_id, now_ms)) for token in tokens]
    books = [
        (market.book, market.book.token_ids.index(token_id))
        for token_id, market in found
        if market is not None
    ]
    if not books:
        raise RecorderError("the markets of these tokens are over: nothing more is said of them")
    opening = opening_array(opening_book(*each) for each in books)
    model.watch(dict.fromkeys(token.condition_id for token in tokens), now_ms)
    circle: list[bytes] = []
    while len(circle) < count:
        now_ms += STEP_MS
        model.walk(now_ms)
        circle += [frame.text.encode() for frame in model.traffic(now_ms)]
    closing = opening_array(opening_book(*each) for each in books)
    return Load(opening, (*circle, closing))


def save_load(path: Path, load: Load) -> None:
    """For the process that sends it."""
    path.write_bytes(msgspec.msgpack.encode(load))


def read_load(path: Path) -> Load:
    """What `save_load` wrote."""
    return msgspec.msgpack.decode(path.read_bytes(), type=Load)


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """One unmasked websocket frame (RFC 6455, 5.2), as a server sends it."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", 0x80 | opcode, 126, size) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, size) + payload
