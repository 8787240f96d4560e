from common.core.clock_error import error_ms_of_tracking

TRACKING = "A29FC87B,162.159.200.123,4,1795462109.1,0.000250,-0.0001,0.0003,-1.2,0.0,0.1,{delay},0.002,1034.1,{leap}\n"


def test_the_bound_of_chronys_error_is_its_offset_the_dispersion_and_half_the_delay() -> None:
    assert error_ms_of_tracking(TRACKING.format(delay="0.011", leap="Normal")) == 7.75


def test_a_clock_that_chrony_does_not_keep_has_no_bound() -> None:
    assert error_ms_of_tracking(TRACKING.format(delay="0.011", leap="Not synchronised")) is None
    assert error_ms_of_tracking(TRACKING.format(delay="x", leap="Normal")) is None
    assert error_ms_of_tracking("506 Cannot talk to daemon\n") is None
