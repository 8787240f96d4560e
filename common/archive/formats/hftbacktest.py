"""hftbacktest: an `.npz` for each token and hour, with one array `data` of 64-byte events in nanoseconds.

Written without numpy: a zip file with one member in its plain array format. Prices and sizes are binary floats there.
A row is written twice where its place by the exchange's times is another than by the receive times.
"""

import struct
import zipfile
from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence

from common.archive.formats.output import HourFiles, Written
from common.core.formats.moments import Gaps, Levels, Lost, Moment, Trade, WholeBook
from common.core.instants import utc_text
from common.core.market import Token
from common.core.rows.names import path_word

DEPTH, TRADE, CLEAR, SNAPSHOT = 1, 2, 3, 4
EXCHANGE, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
_SIDES = {"BUY": BUY, "SELL": SELL}
_MS = 1_000_000
_EVENT = struct.Struct("<QqqddQqd")  # ev, exch_ts, local_ts, px, qty, order_id, ival, fval
_DESCRIPTION = (
    "{'descr': [('ev', '<u8'), ('exch_ts', '<i8'), ('local_ts', '<i8'), ('px', '<f8'), ('qty', '<f8'),"
    " ('order_id', '<u8'), ('ival', '<i8'), ('fval', '<f8')], 'fortran_order': False, 'shape': (%d,), }"
)
_MAGIC = b"\x93NUMPY\x01\x00"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of the zip member: the same file at any time
_PACKED_AT_ONCE = 1 << 14


class HftbacktestWriter:
    """Keeps an hour in memory, five numbers a row."""

    def __init__(self, files: HourFiles, hour_ns: int, tokens: Mapping[str, Token], gaps: Gaps) -> None:
        del tokens  # a file is named by its token alone
        self._files, self._hour_ns, self._gaps = files, hour_ns, gaps
        self._parts: dict[str, int] = defaultdict(lambda: 1)
        self._open: dict[tuple[str, int], _Events] = {}

    def take(self, moment: Moment) -> None:
        """Add the moment's rows."""
        key = moment.token_id, self._parts[moment.token_id]
        if isinstance(moment, Lost) and self._gaps == "split":
            self._parts[moment.token_id] += 1
            return
        events = self._open.get(key)
        if events is None:
            events = self._open[key] = _Events()
        events.take(moment)

    def finish(self) -> Sequence[Written]:
        """Write a file for each token and part."""
        return [
            self._write(token_id, part, events) for (token_id, part), events in self._open.items() if events
        ]

    def _write(self, token_id: str, part: int, events: "_Events") -> Written:
        hour = utc_text(self._hour_ns)[:13]
        path = f"{path_word(token_id)}/{hour}" + (f".part-{part}" if part > 1 else "") + ".npz"
        order = events.in_order()
        with zipfile.ZipFile(self._files.path(path), "w", zipfile.ZIP_DEFLATED) as archive:
            member = zipfile.ZipInfo("data.npy", _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as file:
                file.write(_header(len(order)))
                for begin in range(0, len(order), _PACKED_AT_ONCE):
                    file.write(events.packed(order[begin : begin + _PACKED_AT_ONCE]))
        moved = events.moved
        notes = (
            f"{token_id}: {moved} messages bear exchange times after their receipt: it counts as theirs",
        )
        return Written(path, len(order), (token_id,), notes if moved else ())


class _Events:
    """The rows of one file: columns without the flags of their order.

    The exchange's time of a change is never before that of the change ahead of it, nor after its receipt.
    """

    def __init__(self) -> None:
        self.moved = 0  # messages that were received before the exchange's clock says that they were sent
        self._kinds, self._exchange, self._local = array("q"), array("q"), array("q")
        self._prices, self._sizes = array("d"), array("d")
        self._newest_ns = 0

    def __len__(self) -> int:
        return len(self._kinds)

    def take(self, moment: Moment) -> None:
        """Add the moment's rows."""
        exchange_ns, at_ns = moment.exchange_ms * _MS, moment.at_ns
        if exchange_ns > at_ns:
            self.moved += 1
            exchange_ns = at_ns
        if isinstance(moment, Trade):
            kind = TRADE | _SIDES[moment.side]
            self._add(kind, exchange_ns, at_ns, moment.price, moment.size)
            return
        exchange_ns = self._newest_ns = max(exchange_ns, self._newest_ns)
        match moment:
            case Levels():
                for change in moment.changes:
                    kind = DEPTH | _SIDES[change.side]
                    self._add(kind, exchange_ns, at_ns, change.price, change.size)
            case WholeBook():
                self._snapshot(BUY, exchange_ns, at_ns, moment.bids, farthest="0")
                self._snapshot(SELL, exchange_ns, at_ns, moment.asks, farthest="1")
            case Lost():
                self._add(CLEAR | BUY, exchange_ns, at_ns, "0", "0")
                self._add(CLEAR | SELL, exchange_ns, at_ns, "1", "0")
            case _:
                pass  # the tick size is given to the backtester, not in the file

    def _snapshot(
        self, side: int, exchange_ns: int, at_ns: int, levels: Sequence[tuple[str, str]], *, farthest: str
    ) -> None:
        """A clear up to the farthest level that there can be, then the levels from the best on."""
        self._add(CLEAR | side, exchange_ns, at_ns, farthest, "0")
        for price, size in reversed(levels):
            self._add(SNAPSHOT | side, exchange_ns, at_ns, price, size)

    def _add(self, kind: int, exchange_ns: int, at_ns: int, price: str, size: str) -> None:
        self._kinds.append(kind)
        self._exchange.append(exchange_ns)
        self._local.append(at_ns)
        self._prices.append(float(price))
        self._sizes.append(float(size))

    def in_order(self) -> list[tuple[int, int]]:
        """Every row with its flags, in both orders: once where it comes next in both, else once in each."""
        order: list[tuple[int, int]] = []
        exchange, count = self._exchange, len(self)
        by_exchange = sorted(range(count), key=exchange.__getitem__)
        sent = received = 0  # the receive times are in order already
        while received < count or sent < count:
            next_sent = by_exchange[sent] if sent < count else -1
            if next_sent == received:
                order.append((received, EXCHANGE | LOCAL))
                sent, received = sent + 1, received + 1
            elif received == count or (next_sent >= 0 and exchange[next_sent] <= exchange[received]):
                order.append((next_sent, EXCHANGE))
                sent += 1
            else:
                order.append((received, LOCAL))
                received += 1
        return order

    def packed(self, order: Sequence[tuple[int, int]]) -> bytes:
        """The bytes of some rows."""
        columns = (self._exchange, self._local, self._prices, self._sizes)
        pack = _EVENT.pack
        return b"".join(
            pack(self._kinds[row] | flags, *(column[row] for column in columns), 0, 0, 0.0)
            for row, flags in order
        )


def _header(rows: int) -> bytes:
    """What a plain array file begins with: its length is a multiple of 64."""
    text = (_DESCRIPTION % rows).encode()
    filled = text.ljust(-(-(len(_MAGIC) + 2 + len(text) + 1) // 64) * 64 - len(_MAGIC) - 3) + b"\n"
    return _MAGIC + struct.pack("<H", len(filled)) + filled
