import importlib
from configparser import ConfigParser
from pathlib import Path

from common.topology import PROCESSES, QUEUES, Instance

BY_NAME = {kind.name: kind for kind in PROCESSES}


def test_each_process_has_a_name_and_a_module_of_its_own() -> None:
    assert len(BY_NAME) == len(PROCESSES)
    for kind in PROCESSES:
        assert kind.module == f"procs.{kind.name}"
        assert importlib.import_module(kind.module).main


def test_no_process_may_import_another() -> None:
    settings = ConfigParser()
    settings.read(Path(__file__).parents[1] / "setup.cfg")
    layers = settings["importlinter:contract:layers"]["layers"].splitlines()
    beside_each_other = next(layer for layer in layers if " | procs." in layer)
    assert {kind.module for kind in PROCESSES} <= set(beside_each_other.split(" | "))


def test_writers_are_there_before_producers_and_stay_until_those_have_drained() -> None:
    writer = BY_NAME["archive_writer"]
    for name in ("ws_reader", "rest_checkpointer", "reference"):
        assert writer.start_rank < BY_NAME[name].start_rank
        assert writer.stop_rank > BY_NAME[name].stop_rank


def test_the_run_manifest_is_written_by_whoever_stops_last() -> None:
    assert max(PROCESSES, key=lambda kind: kind.stop_rank).name == "manifest"


def test_only_kinds_of_which_there_may_be_several_are_numbered() -> None:
    assert Instance(BY_NAME["ws_reader"], 2).name == "ws_reader-2"
    assert Instance(BY_NAME["discovery"], 0).name == "discovery"
    assert Instance(BY_NAME["reference"], 0, place="rtds").name == "reference-rtds"


def test_every_queue_says_what_happens_when_it_is_full() -> None:
    assert all(queue.bound and queue.when_full for queue in QUEUES)
    ours = {*BY_NAME, "every process", "supervisor"}
    for queue in QUEUES:
        ends = {name.strip() for name in f"{queue.producer},{queue.consumer}".split(",")}
        assert ends & ours, f"no process of ours stands at either end: {queue}"
