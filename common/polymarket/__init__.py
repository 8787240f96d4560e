"""What only Polymarket says: URLs, message kinds, REST and websocket clients."""
