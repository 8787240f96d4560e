from common.config import ReferenceSettings, Settings
from common.runtime.run.orders import Orders
from common.runtime.supervision.scaling import abandoned_producers, reference_instances, wanted_instances


def names(orders: Orders) -> list[str]:
    return [instance.name for instance in wanted_instances(orders, ())]


def test_with_two_legs_each_reader_has_one_of_either_and_with_one_its_plain_name() -> None:
    assert names(Orders(writers=1, readers=2)) == ["archive_writer-0", "ws_reader-0", "ws_reader-1"]
    two = ["ws_reader-0a", "ws_reader-0b", "ws_reader-1a", "ws_reader-1b"]
    assert names(Orders(writers=1, readers=2, legs=2)) == ["archive_writer-0", *two]


def test_outboxes_that_no_reader_of_this_run_has_are_those_of_other_legs() -> None:
    outboxes = ["rest_checkpointer", "ws_reader-0", "ws_reader-0a", "ws_reader-12b", "ws_reader-x"]
    abandoned = abandoned_producers(outboxes, {"ws_reader-0a", "ws_reader-0b"})
    assert [(each.name, each.index, each.leg) for each in abandoned] == [
        ("ws_reader-0", 0, None),
        ("ws_reader-12b", 12, "b"),
    ]


def test_each_place_that_a_source_needs_has_a_process_for_reference_prices() -> None:
    def started(settings: ReferenceSettings) -> list[str]:
        return [instance.name for instance in reference_instances(Settings(reference=settings))]

    assert started(ReferenceSettings()) == ["reference-rtds", "reference-binance"]
    assert started(ReferenceSettings(sources=("binance_trade",))) == ["reference-binance"]
    assert started(ReferenceSettings(enabled=False)) == []


def test_prices_that_another_run_left_are_drained_where_this_one_has_no_such_source() -> None:
    outboxes = ["reference-binance", "reference-rtds", "reference-x"]
    assert [each.name for each in abandoned_producers(outboxes, {"reference-rtds"})] == ["reference-binance"]
