"""The order book of a token, rebuilt: exact texts, its hash's parts, and the books of a connection."""
