"""What a listing is made of: here, and not beside the client, so that who lists need not know who asks.

What must stay true: all pages of a listing are of one state of the cluster, which a watch can go on from.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pba_operator.domain.model import Manifest

PAGE_SIZE: Final = 100
"""Objects in one answer to a listing: it bounds the memory that both sides need."""


class Page(list[Manifest]):
    """Some of the objects of a listing."""

    def __init__(self, objects: Iterable[Manifest], resource_version: str) -> None:
        """Make a page.

        Args:
            objects: what is on it.
            resource_version: the state of the cluster that the listing shows, the same on each of its pages.
        """
        super().__init__(objects)
        self.resource_version = resource_version
