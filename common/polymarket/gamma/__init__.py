"""Discovery over HTTP: what Gamma is asked, how its answers are gathered, and the discovery file.

The pure half is `common/core/discovery`.
"""
