import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from common.config_loading import load_settings
from common.errors import ConfigError, ExchangeError, RecorderError
from common.runtime.command_line.embedded_exchange import ROOT, EmbeddedExchange
from common.simulation.faults.catalogue import Fault
from common.simulation.options import SimulationOptions, add_simulation_arguments, options_from
from tests.simulation.client import Client, current_markets, tokens_of


def command(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "procs.commands.simulate_exchange", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_exchange_process_ends_with_its_context(tmp_path: Path) -> None:
    with EmbeddedExchange(SimulationOptions(), tmp_path) as exchange:
        process = psutil.Process(exchange.urls.pid)
        assert process.is_running()
    assert not psutil.pid_exists(exchange.urls.pid)


def test_options_replace_those_of_the_exchange_before_as_a_whole(tmp_path: Path) -> None:
    before = tmp_path / "exchange_options.json"
    before.write_bytes(b"those before")
    with before.open("rb") as reading:
        with EmbeddedExchange(SimulationOptions(), tmp_path):
            assert reading.read() == b"those before", "a reader sees one file or the other"
        assert before.read_bytes().startswith(b"{")


def test_an_exchange_that_cannot_start_says_why(tmp_path: Path) -> None:
    with EmbeddedExchange(SimulationOptions(), tmp_path / "one") as exchange:
        port = int(exchange.urls.clob_url.rpartition(":")[2])
        taken = EmbeddedExchange(SimulationOptions(port=port), tmp_path / "two")
        with pytest.raises(RecorderError, match="cannot listen"), taken:
            pass
    outside = EmbeddedExchange(SimulationOptions(host="0.0.0.0"), tmp_path / "three")
    with pytest.raises(RecorderError, match=r"exchange_options\.json.*host"), outside:
        pass


def test_the_exchange_ends_when_its_parent_dies(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from common.runtime.command_line.embedded_exchange import EmbeddedExchange;"
        "from common.simulation.options import SimulationOptions;"
        "exchange = EmbeddedExchange(SimulationOptions(), pathlib.Path(sys.argv[1])).__enter__();"
        "print(exchange.urls.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        exchange = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        exchange.wait(timeout=120)


def test_the_command_says_where_it_listens_and_ends_cleanly(tmp_path: Path) -> None:
    with command("--data-root", str(tmp_path), "--window-seconds", "60", "--rate", "50") as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(4)]
        assert (tmp_path / "simulated_exchange.json").exists()
        variables = dict(line.removeprefix("export ").strip().split("=", 1) for line in said[1:])
        settings = load_settings(environment=variables)
        assert settings.exchange.ws_url.startswith("ws://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 0


def test_the_command_breaks_a_running_exchange(tmp_path: Path) -> None:
    with EmbeddedExchange(SimulationOptions(), tmp_path) as exchange, Client(exchange.urls) as client:
        client.send("PING")
        client.receive()
        with command("fault", "close", "code=1013", "--url", exchange.urls.clob_url) as process:
            assert process.wait(timeout=120) == 0
        assert client.until_close()[1] == (1013).to_bytes(2)
    with command("fault", "cut", "--url", exchange.urls.clob_url) as process:
        assert process.wait(timeout=120) == 1
        assert process.stderr is not None
        assert "no embedded exchange answers" in process.stderr.read()


def test_the_command_checks_its_configuration_and_ends_after_its_duration(tmp_path: Path) -> None:
    config = tmp_path / "recorder.yaml"
    config.write_text("exchange: {}\n")
    with command("--config", str(config), "--duration-seconds", "0.1") as process:
        assert process.wait(timeout=120) == 0
    config.write_text("exchnage: {}\n")
    with command("--config", str(config)) as process:
        assert process.wait(timeout=120) == 78


def test_help_lists_every_fault_and_an_example() -> None:
    with command("--help") as process:
        said = process.communicate(timeout=120)[0]
    assert "example:" in said
    for name in Fault.__annotations__["name"].__args__:
        assert f"\n  {name} " in said


def test_a_fault_can_be_on_from_the_start(tmp_path: Path) -> None:
    options = SimulationOptions(faults=(Fault("close", code=1013, count=1),))
    with EmbeddedExchange(options, tmp_path) as exchange:
        tokens = tokens_of(current_markets(exchange.urls)[0])
        with Client(exchange.urls) as client:
            client.subscribe(tokens)
            frames, close = client.until_close()
            assert frames[0].endswith(b"]\n")
            assert close == (1013).to_bytes(2)
        with Client(exchange.urls) as client:
            client.subscribe(tokens)
            client.until("price_changes")


def test_other_commands_take_the_options_under_longer_names() -> None:
    parser = argparse.ArgumentParser()
    add_simulation_arguments(parser)
    words = "--simulated-rate 5 --simulated-seed 2 --simulated-oracle /o --simulated-fault mute token=1"
    options = options_from(parser.parse_args(words.split()))
    assert options == SimulationOptions(seed=2, rate=5, oracle="/o", faults=(Fault("mute", token="1"),))
    assert options_from(parser.parse_args([])) == SimulationOptions()
    with pytest.raises(ConfigError, match="--simulated-window-seconds"):
        options_from(parser.parse_args(["--simulated-window-seconds", "0"]))


def test_a_fault_for_an_exchange_that_is_gone_is_refused(tmp_path: Path) -> None:
    with EmbeddedExchange(SimulationOptions(), tmp_path) as exchange:
        pass
    with pytest.raises(ExchangeError, match="no embedded exchange"):
        exchange.fault("cut")
