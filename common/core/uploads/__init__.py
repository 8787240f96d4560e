"""Upload records, the turns of a pass, and the outlook that operators see."""
