"""How rows become closed archives.

Placement, members, the open archive, its journal's check, closing and recovery.
"""
