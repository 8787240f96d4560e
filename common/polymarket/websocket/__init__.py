"""The market websocket from URL to messages.

Handshake, TLS, reading in large pieces, and the ends of a connection.
"""
