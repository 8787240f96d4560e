"""The simulated Gamma: its endpoints, the objects it lists, the queries it takes, and what faults make it say."""
