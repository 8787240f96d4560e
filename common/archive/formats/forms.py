"""The formats that there are, by the names that users type."""

from collections.abc import Mapping

from common.archive.formats import nautilus, pmxt
from common.archive.formats.hftbacktest import HftbacktestWriter
from common.archive.formats.hour import Form
from common.archive.formats.nautilus import NautilusWriter
from common.archive.formats.pmxt import PmxtWriter
from common.archive.formats.tardis import TardisWriter

FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (
        Form(
            name="hftbacktest",
            make=HftbacktestWriter,
            precision=None,
            gaps="split",
            losses=(
                "prices and sizes are the binary floats nearest to the exchange's decimals",
                "exchange times later than the receipt, or before an earlier change, count as that one's",
                "each token begins with the book that was known when the hour began",
                "tick sizes, fees and transactions are left out",
            ),
        ),
        Form(
            name="nautilus",
            make=NautilusWriter,
            precision=nautilus.PRECISION,
            gaps="clear",
            losses=(
                "each token begins with the book that was known when the hour began",
                "tick sizes, fees and best prices are left out: every instrument has four decimal places",
                "a trade's id is the beginning of its transaction hash and its number in the hour",
                "the currency of every instrument is USDC",
            ),
        ),
        Form(
            name="pmxt",
            make=PmxtWriter,
            precision=pmxt.PRECISION,
            gaps="clear",
            losses=(
                "times are cut to milliseconds",
                "each token begins with the book that was known when the hour began",
                "a book without levels stands for one that is not known any more",
            ),
        ),
        Form(
            name="tardis",
            make=TardisWriter,
            precision=None,
            gaps="clear",
            losses=(
                "receive times are cut to microseconds",
                "each token begins with the book that was known when the hour began",
                "tick sizes, fees and best prices are left out",
            ),
        ),
    )
}
