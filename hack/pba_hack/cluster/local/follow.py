"""Keeps a list of objects in step with the API server: list, then watch, again and again."""

import http.client
import threading
import time
from typing import Any

from pba_hack.cluster.local.allocation import key_of
from pba_hack.cluster.local.api import Api, ApiError

__all__ = ["Follower"]

_WATCH_SECONDS = 240
_RETRY_SECONDS = 1.0


class Follower(threading.Thread):
    """Keeps a list of objects as the API server has it."""

    def __init__(self, api: Api, path: str, changed: threading.Event) -> None:
        super().__init__(daemon=True)
        self.objects: dict[str, Any] = {}
        self.is_current = False
        """Whether they are followed: it has begun, and the last request did not fail."""
        self._api = api
        self._path = path
        self._changed = changed

    def run(self) -> None:
        """List and watch, for ever."""
        while True:
            try:
                self._follow()
            except (OSError, ApiError, ValueError, http.client.HTTPException) as error:
                self.is_current = False
                print(f"{self._path}: {error}", flush=True)
                time.sleep(_RETRY_SECONDS)

    def _follow(self) -> None:
        listed = self._api.get(self._path)
        self.objects = {key_of(item): item for item in listed["items"]}
        self.is_current = True
        self._changed.set()
        for event in self._api.watch(self._path, listed["metadata"]["resourceVersion"], _WATCH_SECONDS):
            item = event["object"]
            if event["type"] == "ERROR":
                return
            if event["type"] == "DELETED":
                self.objects = {key: other for key, other in self.objects.items() if key != key_of(item)}
            elif event["type"] != "BOOKMARK":
                self.objects = {**self.objects, key_of(item): item}
            self._changed.set()
