"""How the supervisor keeps processes alive and ends them.

Children, their heartbeats, what is laid down for them, and a run that never ended.
"""
