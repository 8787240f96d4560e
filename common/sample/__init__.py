"""The bounded sample: facts read back from its archives, its results and its report.

Its pure half, the gate included, is `common/core/sample`.
"""
