"""The run manifest and all that is served or written of it: status, health, metrics.

Its pure half is `common/core/status`.
"""
