"""How far a clock may be off, from what chrony says of it."""

_FIELDS = 14
_SYSTEM_TIME, _ROOT_DELAY, _ROOT_DISPERSION, _LEAP_STATUS = 4, 10, 11, 13
_NOT_SYNCHRONISED = "Not synchronised"


def error_ms_of_tracking(line: str) -> float | None:
    """The bound of the error in `chronyc -c tracking`: offset, dispersion and half the delay, in milliseconds.

    None where chrony is not synchronised, or the line is of another form.
    """
    fields = line.strip().split(",")
    if len(fields) != _FIELDS or fields[_LEAP_STATUS] == _NOT_SYNCHRONISED:
        return None
    try:
        offset, delay, dispersion = (
            abs(float(fields[n])) for n in (_SYSTEM_TIME, _ROOT_DELAY, _ROOT_DISPERSION)
        )
    except ValueError:
        return None
    return round((offset + dispersion + delay / 2) * 1000, 3)
