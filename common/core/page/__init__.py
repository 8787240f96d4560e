"""What the page shows, as values: a run manifest in, documents for the browser out."""
