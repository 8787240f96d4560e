"""Stand-ins for the exchange that share no code with the recorder or its embedded exchange."""
