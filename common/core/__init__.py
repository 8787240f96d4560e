"""Values in, values out: no I/O, no clock, no logging. Time and chance are arguments."""
