from pathlib import Path

import msgspec
import pytest

from common.config import DiscoverySettings
from common.core.market import DISCOVERY_SCHEMA_VERSION, DiscoveryFile, Market, Token, all_tokens
from common.feed.token_share import LOOK_NS, TokenShare
from common.polymarket.gamma.discovery_file import discovery_path, write_discovery_file
from common.runtime.process import Assignment, Runtime
from common.runtime.run.facts import Tally
from common.runtime.run.orders import Orders, write_orders

START, END = "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"


def market(number: int) -> Market:
    tokens = tuple(Token(f"m-{number}", f"0x{number}", f"{number}{k}", f"{k}", END) for k in range(2))
    return Market(f"m-{number}", f"0x{number}", "s", START, END, tokens)


def discover(folder: Path, *markets: Market) -> None:
    found = DiscoveryFile(DISCOVERY_SCHEMA_VERSION, START, "test", ("s",), markets, ())
    write_discovery_file(discovery_path(folder, DiscoverySettings()), found)


def share(folder: Path, index: int = 0, readers: int = 1) -> TokenShare:
    write_orders(folder, Orders(writers=1, readers=readers))
    document = {"run_id": "r", "mode": "runtime", "started_at_ns": 1, "readers": readers, "settings": {}}
    document |= {"data_root": str(folder), "run_dir": str(folder)}
    assignment = msgspec.convert(document, Assignment)
    return TokenShare(Runtime(f"ws_reader-{index}", index, assignment, Tally(None)))


def test_before_the_first_discovery_there_is_nothing_to_record(tmp_path: Path) -> None:
    assert share(tmp_path).tokens(0) == ()


def test_a_replaced_discovery_file_is_seen_at_the_next_look(tmp_path: Path) -> None:
    discover(tmp_path, market(1))
    followed = share(tmp_path)
    assert followed.tokens(0) == market(1).tokens
    discover(tmp_path, market(1), market(2))
    assert followed.tokens(LOOK_NS - 1) == market(1).tokens
    assert followed.tokens(LOOK_NS) == all_tokens([market(1), market(2)])
    assert followed.tokens(3 * LOOK_NS) is followed.tokens(5 * LOOK_NS), "the same object until it changes"


def test_a_file_that_cannot_be_read_or_is_gone_changes_nothing_and_the_next_good_one_counts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    discover(tmp_path, market(1))
    followed = share(tmp_path)
    followed.tokens(0)
    path = discovery_path(tmp_path, DiscoverySettings())
    path.with_suffix(".new").write_text("{garbled")
    path.with_suffix(".new").rename(path)
    assert followed.tokens(LOOK_NS) == market(1).tokens
    assert followed.tokens(2 * LOOK_NS) == market(1).tokens
    assert [record.message for record in caplog.records] == ["discovery file not used"], "said once"
    path.unlink()
    assert followed.tokens(3 * LOOK_NS) == market(1).tokens
    discover(tmp_path, market(2))
    assert followed.tokens(4 * LOOK_NS) == market(2).tokens


def test_readers_share_the_tokens_among_them_each_token_once(tmp_path: Path) -> None:
    markets = [market(number) for number in range(20)]
    discover(tmp_path, *markets)
    shares = [share(tmp_path, index, readers=3).tokens(0) for index in range(3)]
    assert sorted(token.token_id for each in shares for token in each) == sorted(
        token.token_id for token in all_tokens(markets)
    )
    assert all(shares)
