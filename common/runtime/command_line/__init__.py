"""What the commands share: how they are typed, their options, the choice of exchange, and how they find a recorder.

Every file in `procs/commands` builds on it; no process of a running recorder needs it.
"""
