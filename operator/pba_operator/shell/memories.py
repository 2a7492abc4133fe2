"""kopf's memory of objects, switched off.

kopf keeps a record of every object that it has ever shown to a handler, for handlers that this operator does
not have: about as much memory as our own cache needs, and one that forgets no object whose deletion was
missed.
"""

from __future__ import annotations

from typing import Any

from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory


class NoMemories(ResourceMemories):
    """Answers a new record each time, and keeps none."""

    async def recall(self, raw_body: Any, **options: Any) -> ResourceMemory:
        """Return a record that nobody keeps."""
        return await super().recall(raw_body, **{**options, "ephemeral": True})
