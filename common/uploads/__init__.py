"""Uploading: which files wait, one pass over them, what the remote holds, and the account of it.

Its pure half is `common/core/uploads`, rclone itself is `common/remote`.
"""
