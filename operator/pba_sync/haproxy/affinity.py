"""How clients are bound to nodes, as the operator has told the sidecar."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from pba_api import sidecar


@dataclass(frozen=True, slots=True)
class Affinity:
    """The field `frontend.sessionAffinity`, and what follows from it."""

    type: str
    key: str = ""
    """The nodes' identities are made with it."""
    keep_seconds: float = 0.0
    """How long a node that goes keeps its clients."""
    management_prefix: str = ""
    """How the names of the management node's pods begin; empty: there is none."""
    management_keep_seconds: float = 0.0
    leave_milliseconds: float = math.inf
    """Clients leave a node that is slower than others only if it takes longer; one that takes requests and has answered
    none for so long gets no more."""

    @property
    def by_cookie(self) -> bool:
        """Tell whether clients are bound to nodes by cookies."""
        return self.type == sidecar.COOKIE

    @property
    def by_address(self) -> bool:
        """Tell whether clients are bound to nodes by their addresses: by where those fall on a ring of all nodes."""
        return self.type == sidecar.CLIENT_IP

    def keeps_for(self, node: str) -> float:
        """Return for how many seconds a node that goes keeps its clients."""
        is_management = self.management_prefix and node.startswith(self.management_prefix)
        return self.management_keep_seconds if is_management else self.keep_seconds

    def cookie(self, node: str) -> str:
        """Return the value of the node's cookie; empty: it has none."""
        return sidecar.identity(self.key, node) if self.by_cookie else ""


NO_AFFINITY: Final = Affinity(sidecar.NO_AFFINITY)
