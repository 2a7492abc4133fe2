"""What the API server has told of pods, namespaces and policies, and since when that is whole."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pba_hack.cluster.local.policies.attachments import Attachment
from pba_hack.cluster.local.policies.world import World, pods_of

__all__ = ["Known"]


class Known:
    """The objects that rules are made from.

    Taken over together, only while all are followed: a list that has fallen behind must not let a new pod speak without
    its policies.
    """

    def __init__(self) -> None:
        self.is_whole = False
        self._there: dict[str, Mapping[str, Any]] = {}
        self._gone: dict[str, Mapping[str, Any]] = {}
        self._namespaces: dict[str, Mapping[str, str]] = {}
        self._policies: list[Mapping[str, Any]] = []

    def learn(
        self,
        pods: Iterable[Mapping[str, Any]],
        namespaces: Iterable[Mapping[str, Any]],
        policies: Iterable[Mapping[str, Any]],
    ) -> None:
        """Take over how it is now."""
        before = self._gone | self._there
        self._there = {pod["metadata"]["uid"]: pod for pod in pods}
        self._gone = {uid: pod for uid, pod in before.items() if uid not in self._there}
        self._namespaces = {
            item["metadata"]["name"]: item["metadata"].get("labels") or {} for item in namespaces
        }
        self._policies = list(policies)
        self.is_whole = True

    def world(self, attachments: Collection[Attachment]) -> World:
        """Return what rules are made from.

        A pod that was deleted counts for as long as it is connected, its containers may still be ending; then it is
        forgotten.

        Args:
            attachments: what is connected now.
        """
        connected = {attachment.uid for attachment in attachments}
        self._gone = {uid: pod for uid, pod in self._gone.items() if uid in connected}
        return World(pods_of(attachments, self._gone | self._there), self._namespaces, self._policies)
