"""What is remembered to save time is bounded: a recorder runs for months, over ever new tokens and sizes."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator

import common
from common.core.decimal_text import normal, scaled
from common.core.market import canonical_condition_id
from common.core.rows import reading

SMALL = 4096  # texts of a few dozen bytes
LARGE = 64  # lists of all tokens of a connection
OFFLINE = {  # used by an export alone, which ends
    "common.archive.formats.nautilus._fixed",
    "common.core.decimal_text.micros",
    "common.core.formats.precision._misfit",
}


def caches() -> Iterator[tuple[str, int | None]]:
    for module in pkgutil.walk_packages(common.__path__, "common."):
        if module.name.startswith(("common.benchmark", "common.archive.schema")):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, type(scaled)) and value.__module__ == module.name:
                yield f"{module.name}.{name}", value.cache_info().maxsize


def test_every_cache_is_bounded() -> None:
    found = dict(caches())
    assert len(found) >= 8
    assert [name for name, most in found.items() if most is None] == []
    assert [name for name, most in found.items() if most > SMALL and name not in OFFLINE] == []  # type: ignore[operator]


def test_distinct_sizes_and_markets_of_weeks_leave_a_bounded_number_behind() -> None:
    remembered: tuple[tuple[Callable[[str], object], str], ...] = (
        (scaled, "{}.25"),
        (normal, "{}.250"),
        (canonical_condition_id, "0x{:x}"),
    )
    for function, form in remembered:
        for number in range(2 * SMALL):
            function(form.format(number))
        assert function.cache_info().currsize <= SMALL  # type: ignore[attr-defined]


def test_token_lists_of_earlier_subscriptions_are_let_go() -> None:
    for number in range(4 * LARGE):
        reading.subscription_in(b'{"revision":%d,"assets_ids":["1","2"]}' % number)
    assert reading.subscription_in.cache_info().currsize <= LARGE
