"""The formats that there are, by the names that users type."""

from collections.abc import Mapping

from common.archive.formats.hftbacktest import HftbacktestWriter
from common.archive.formats.hour import Form
from common.archive.formats.pmxt import PRECISION, PmxtWriter
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
            name="pmxt",
            make=PmxtWriter,
            precision=PRECISION,
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
