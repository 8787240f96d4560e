import pytest

from common.core.audit.frozen import REST_AHEAD_NS, Evidence, FrozenWatch
from common.core.audit.wishes import REPLACE_INTERVAL_NS, Healing

NEWER = Evidence("11", checkpoint_ms=2000, stream_ms=1000)
SILENCE_NS = 12_000_000_000


def test_a_token_is_subscribed_again_then_its_connection_replaced_and_then_nothing_is_left() -> None:
    healing = Healing()
    actions = [healing.diverged("r", "1", "hash", now) for now in (0, 1, 2)]
    assert actions == ["resubscribe", "replace", None]
    assert healing.diverged("r", "1", "hash", 3 + REPLACE_INTERVAL_NS) is None
    assert healing.unhealed == 1


def test_an_agreement_of_the_kind_that_diverged_heals_and_another_kind_does_not() -> None:
    healing = Healing()
    assert healing.diverged("r", "1", "checkpoint", 0) == "resubscribe"
    healing.agreed("r", "1", "hash")
    assert healing.diverged("r", "1", "checkpoint", 1) == "replace"
    healing.agreed("r", "1", "checkpoint")
    healing.agreed("r", "unknown", "checkpoint")
    assert healing.unhealed == 0
    assert healing.diverged("r", "1", "checkpoint", 2) == "resubscribe"


def test_a_reader_loses_its_connection_once_in_a_while_only_however_many_tokens_diverge() -> None:
    healing = Healing()
    for token in ("1", "2", "3"):
        assert healing.diverged("r", token, "hash", 0) == "resubscribe"
    assert [healing.diverged("r", token, "hash", 1) for token in ("1", "2")] == ["replace", None]
    assert healing.diverged("r", "3", "hash", 1 + REPLACE_INTERVAL_NS) == "replace"
    assert healing.diverged("other", "4", "hash", 2) == "resubscribe"
    assert healing.diverged("other", "4", "hash", 3) == "replace"


def test_a_token_that_is_not_followed_any_more_begins_anew() -> None:
    healing = Healing()
    healing.diverged("r", "1", "hash", 0)
    healing.dropped("r", "1")
    healing.dropped("r", "unknown")
    assert healing.diverged("r", "1", "hash", 1) == "resubscribe"


def test_a_silent_stream_behind_a_checkpoint_is_frozen_once_rest_cannot_be_ahead_any_more() -> None:
    watch = FrozenWatch(SILENCE_NS)
    watch.data_came("r", "s1", 0)
    watch.checkpoint_came("r", NEWER, SILENCE_NS)
    assert watch.proved(SILENCE_NS + REST_AHEAD_NS - 1) == []
    assert watch.proved(SILENCE_NS + REST_AHEAD_NS) == [("r", "s1", NEWER)]
    assert watch.proved(SILENCE_NS * 10) == [], "each session once"


def test_a_checkpoint_in_the_midst_of_data_proves_nothing_before_the_stream_was_silent() -> None:
    watch = FrozenWatch(SILENCE_NS)
    watch.data_came("r", "s1", 10)
    watch.checkpoint_came("r", NEWER, 11)
    assert watch.proved(9 + SILENCE_NS) == []
    assert watch.proved(10 + SILENCE_NS) == [("r", "s1", NEWER)]


@pytest.mark.parametrize(
    ("stream_ms", "checkpoint_ms"), [(1000, 1000), (1000, 999)], ids=["the same", "an older one"]
)
def test_a_checkpoint_that_is_not_newer_proves_nothing(stream_ms: int, checkpoint_ms: int) -> None:
    watch = FrozenWatch(SILENCE_NS)
    watch.data_came("r", "s1", 0)
    watch.checkpoint_came("r", Evidence("11", checkpoint_ms, stream_ms), SILENCE_NS)
    assert watch.proved(SILENCE_NS * 2) == []


def test_late_data_and_unseen_messages_refute_the_proof() -> None:
    watch = FrozenWatch(SILENCE_NS)
    watch.data_came("r", "s1", 0)
    watch.checkpoint_came("r", NEWER, SILENCE_NS)
    watch.data_came("r", "s1", SILENCE_NS + 1)
    assert watch.proved(SILENCE_NS * 3) == []
    watch.checkpoint_came("r", NEWER, SILENCE_NS * 3)
    watch.unknown("r")
    assert watch.proved(SILENCE_NS * 5) == []
    watch.checkpoint_came("r", NEWER, SILENCE_NS * 5)
    assert watch.proved(SILENCE_NS * 7) == [], "nothing is known of a session without data"
