"""How books and events are shown and exported: steps of a replay, columns and rows of tables."""
