"""Programs that read exports with the packages of other projects, each run by a Python that has its package."""
