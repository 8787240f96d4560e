from common.core.merging.host_clock import HostClock

SECOND = 1_000_000_000
BOOT = 1_800_000_000 * SECOND


def test_a_wall_clock_that_steps_changes_nothing_and_one_that_slews_is_followed() -> None:
    clock = HostClock()
    assert clock.time_ns(BOOT + 100 * SECOND, 100 * SECOND) == BOOT + 100 * SECOND
    assert clock.time_ns(BOOT + 201 * SECOND // 2, 100 * SECOND) == BOOT + 201 * SECOND // 2
    assert clock.time_ns(BOOT - 3500 * SECOND, 101 * SECOND) == BOOT + 203 * SECOND // 2
    assert clock.time_ns(BOOT + 9000 * SECOND, 102 * SECOND) == BOOT + 205 * SECOND // 2


def test_after_a_reboot_the_wall_clock_counts_again() -> None:
    clock = HostClock()
    clock.time_ns(BOOT + 100 * SECOND, 100 * SECOND)
    assert clock.time_ns(BOOT + 190 * SECOND, 20 * SECOND) == BOOT + 190 * SECOND
    assert clock.time_ns(BOOT + 900 * SECOND, 730 * SECOND) == BOOT + 900 * SECOND


def test_a_step_counts_when_the_host_is_sure_of_its_new_time() -> None:
    clock = HostClock()
    clock.time_ns(BOOT + 100 * SECOND, 100 * SECOND)
    assert clock.time_ns(BOOT + 41 * SECOND, 101 * SECOND, is_sure=True) == BOOT + 41 * SECOND
    assert clock.time_ns(BOOT + 42 * SECOND, 102 * SECOND) == BOOT + 42 * SECOND


def test_a_row_without_a_monotonic_time_has_its_wall_time() -> None:
    assert HostClock().time_ns(BOOT, 0) == BOOT
