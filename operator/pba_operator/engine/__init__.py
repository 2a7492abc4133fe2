"""The engine: from a watch's event to actions and status, level-triggered.

    watch -> queue -> observe -> plan (pure) -> act -> status (only if changed)

What must stay true: what is done follows from the state as it is, never from the event that woke us; whatever
is interrupted, at whatever write, the next look at the state leads to the same end; one cluster never delays
another.
"""
