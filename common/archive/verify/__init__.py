"""Re-reads archives, ledgers and copies and states what is not as promised.

The pure half is `common/core/verify`.
"""
