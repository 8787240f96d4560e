"""A recording that the embedded exchange plays again, over its websocket, REST and Gamma."""
