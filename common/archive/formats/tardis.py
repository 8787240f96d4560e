"""Tardis CSV: `incremental_book_L2` and `trades`, a gzip file for each token and hour, with the exchange's own digits.

With `clear` every level of a lost book is removed by a row; with `split` the file ends and `.part-2` begins.
"""

import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

from common.archive.formats.output import HourFiles, Written
from common.core.decimal_text import is_zero, normal
from common.core.formats.moments import Gaps, Levels, Lost, Moment, Trade, WholeBook
from common.core.instants import utc_text
from common.core.market import Token
from common.core.rows.names import path_word

BOOKS, TRADES = "incremental_book_L2", "trades"
_HEADERS = {
    BOOKS: "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n",
    TRADES: "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n",
}
_GZIP = 31
_LEVEL = 6
_LINES = 4_096  # that wait to be compressed
_SIDES = {"BUY": "bid", "SELL": "ask"}
_TAKERS = {"BUY": "buy", "SELL": "sell"}
Place = tuple[str, str]  # side and normal price


class TardisWriter:
    """Holds the files of an hour, and of each token the levels that its rows give so far."""

    def __init__(self, files: HourFiles, hour_ns: int, tokens: Mapping[str, Token], gaps: Gaps) -> None:
        del tokens  # a file is named by its token alone
        self._files, self._hour_ns, self._gaps = files, hour_ns, gaps
        self._tokens: dict[str, _TokenRows] = {}
        self._parts: dict[str, int] = defaultdict(lambda: 1)
        self._open: dict[str, _CsvFile] = {}

    def take(self, moment: Moment) -> None:
        """Add the moment's rows."""
        token_id = moment.token_id
        rows = self._tokens.get(token_id)
        if rows is None:
            rows = self._tokens[token_id] = _TokenRows(token_id)
        match moment:
            case Trade():
                self._file(TRADES, token_id, 1).add([rows.trade(moment)])
            case WholeBook():
                self._file(BOOKS, token_id, self._parts[token_id]).add(rows.whole(moment))
            case Levels():
                self._file(BOOKS, token_id, self._parts[token_id]).add(rows.changes(moment))
            case Lost() if self._gaps == "clear":
                self._file(BOOKS, token_id, self._parts[token_id]).add(rows.cleared(moment))
            case Lost():
                rows.forget()
                self._parts[token_id] += 1
            case _:
                pass  # there is no place for a change of the tick size

    def finish(self) -> Sequence[Written]:
        """Close all files."""
        return [file.close() for file in self._open.values()]

    def _file(self, kind: str, token_id: str, part: int) -> "_CsvFile":
        text = utc_text(self._hour_ns)
        day, hour = text[:10].replace("-", "/"), text[11:13]
        name = path_word(token_id) + (f".part-{part}" if part > 1 else "")
        path = f"{kind}/{day}/{hour}/{name}.csv.gz"
        file = self._open.get(path)
        if file is None:
            file = self._open[path] = _CsvFile(self._files, path, token_id, _HEADERS[kind])
        return file


class _TokenRows:
    """Makes the rows of one token."""

    def __init__(self, token_id: str) -> None:
        self._begin = f"polymarket,{token_id},"
        self._sizes: dict[Place, str] | None = None  # None: no book yet, or none any more

    def forget(self) -> None:
        self._sizes = None

    def trade(self, moment: Trade) -> str:
        what = f"{moment.transaction_hash},{_TAKERS[moment.side]},{moment.price},{moment.size}"
        return f"{self._times(moment)}{what}\n"

    def changes(self, moment: Levels) -> list[str]:
        begin, sizes, rows = self._times(moment), self._sizes, []
        for change in moment.changes:
            side = _SIDES[change.side]
            rows.append(f"{begin}false,{side},{change.price},{change.size}\n")
            if sizes is None:
                continue
            if is_zero(change.size):
                sizes.pop((side, normal(change.price)), None)
            else:
                sizes[side, normal(change.price)] = change.size
        return rows

    def whole(self, moment: WholeBook) -> list[str]:
        """A snapshot where there was no book; else the levels that are other than before, which are seldom any.

        The levels of a snapshot follow once more as updates: hftbacktest's converter takes a snapshot in with the
        first update after it, and cuts every later one in a file to the length of the one before.
        """
        begin = self._times(moment)
        levels = [("bid", *level) for level in reversed(moment.bids)]
        levels += [("ask", *level) for level in reversed(moment.asks)]
        before = self._sizes
        self._sizes = {(side, normal(price)): size for side, price, size in levels}
        if before is None:
            flags = [flag for flag in ("true", "false") for _ in levels]
            rows = zip(flags, levels * 2, strict=True)
            return [f"{begin}{flag},{side},{price},{size}\n" for flag, (side, price, size) in rows]
        changed = [
            f"{begin}false,{side},{price},{size}\n"
            for side, price, size in levels
            if normal(before.get((side, normal(price)), "0")) != normal(size)
        ]
        gone = (place for place in before if place not in self._sizes)
        return [f"{begin}false,{side},{price},0\n" for side, price in gone] + changed

    def cleared(self, moment: Lost) -> list[str]:
        begin = self._times(moment)
        gone = [f"{begin}false,{side},{price},0\n" for side, price in self._sizes or ()]
        self.forget()
        return gone

    def _times(self, moment: Moment) -> str:
        return f"{self._begin}{moment.exchange_ms * 1000},{moment.at_ns // 1000},"


class _CsvFile:
    """A gzip file that grows: its bytes depend on its rows alone."""

    def __init__(self, files: HourFiles, path: str, token_id: str, header: str) -> None:
        self._path, self._token_id, self._rows = path, token_id, 0
        self._hidden = files.path(path)
        self._hidden.unlink(missing_ok=True)
        self._gzip = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._lines = [header]

    def add(self, lines: list[str]) -> None:
        self._rows += len(lines)
        self._lines += lines
        if len(self._lines) >= _LINES:
            self._append(self._gzip.compress(self._text()))

    def close(self) -> Written:
        self._append(self._gzip.compress(self._text()) + self._gzip.flush())
        return Written(self._path, self._rows, (self._token_id,))

    def _text(self) -> bytes:
        text = "".join(self._lines).encode()
        self._lines = []
        return text

    def _append(self, data: bytes) -> None:
        with self._hidden.open("ab") as file:  # not held open: there may be thousands
            file.write(data)
