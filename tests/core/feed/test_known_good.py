from common.core.feed.known_good import KnownGood


def test_a_session_is_good_up_to_its_last_data_or_a_later_checkpoint_that_agrees() -> None:
    good = KnownGood(100)
    assert good.until_ns == 100
    good.data(120)
    assert not good.confirmed(110), "what came since tells more"
    assert good.confirmed(150)
    assert not good.confirmed(150)
    assert good.until_ns == 150
    good.data(151)
    assert good.until_ns == 151


def test_what_arrives_after_a_pause_tells_nothing_until_a_later_ping_was_answered() -> None:
    good = KnownGood(100)
    good.data(120)
    good.mark()
    good.data(155)  # it was read when the process went on, before that was noticed
    good.paused()
    good.data(160)
    assert not good.confirmed(170)
    assert good.until_ns == 120
    good.pongs(2)
    assert good.until_ns == 120, "they may answer pings that were sent before the pause"
    good.data(175)
    good.pongs(1)
    assert good.until_ns == 175
    good.data(180)
    good.mark()
    good.paused()
    good.mark()
    good.paused()
    assert good.until_ns == 180
