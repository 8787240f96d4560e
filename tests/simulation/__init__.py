"""The embedded exchange, played with by raw clients."""
