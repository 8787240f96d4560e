"""The acknowledged queue between producers and writers: outbox, lanes, acks."""
