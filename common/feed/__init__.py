"""One reader's feed: its session, the tokens of its share, what it records, heals and declares missing.

Its pure half is `common/core/feed`.
"""
