"""What can go wrong in the embedded exchange: the catalogue of faults by name, which are on, and what they change."""
