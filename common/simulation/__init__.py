"""The embedded exchange: plays websocket, REST books and Gamma on loopback, ugly parts included."""
