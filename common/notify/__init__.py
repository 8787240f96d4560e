"""What goes to the outside by itself: events to a webhook, and a heartbeat for a dead man's switch."""
