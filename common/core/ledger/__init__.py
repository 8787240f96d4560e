"""The account of one archive window, token by token: connected, missing, checked."""
