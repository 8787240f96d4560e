"""Two legs made one: which messages of two independent connections are the same, and in which order they were sent.

A leg is one of two connections for the same tokens. The exchange numbers nothing, so messages are compared by meaning:

- `messages`, `equality`, `payloads`: what is compared (canonical JSON), which pairs are possible, and to which unit a
  message belongs (its market);
- `alignment` with `anchors`, `shortest_edit` and `neighbours`: pairs the messages of two legs of a unit;
- `order`: puts what only one leg has between the pairs; `unit` does both for a stream;
- `entries`, `recording` with `host_clock` and `lateness`: from rows to the union of a recording's legs, and of hosts;
- `coverage`: what each leg surely received.

    from common.core.merging.messages import LegMessage
    from common.core.merging.unit import merge_unit

    for merged in merge_unit(messages_of_leg_a, messages_of_leg_b, clock_error_ns=0):
        merged.a, merged.b, merged.doubtful     # the references given, None where a leg has no such message

All messages of one unit go in, each leg's in the order in which it received them; each comes out once. `doubtful` marks
what may have been sent once and comes twice, or the other way round: two emissions with equal bytes of which each leg
received another one cannot be told from one emission.
"""
