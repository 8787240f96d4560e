"""The few changes of a run that an operator wants to hear of."""
