"""The sample that the demo applies, as it is in the repository, with images that this cluster holds."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Final

from pba_hack.checkout import CHECKOUT
from pba_hack.cluster import choice
from pba_hack.kubectl import Json, Kubectl

SAMPLE: Final = CHECKOUT / "manifests" / "samples" / "backend-cluster.yaml"
NAME: Final = "shop"


def sample(kubectl: Kubectl, images: Mapping[str, str]) -> Json:
    """Return the sample as a PBACluster `shop`."""
    whole: Json = json.loads(kubectl("create", "--dry-run=client", "-o", "json", "-f", str(SAMPLE)))
    whole["spec"]["application"]["image"] = images["demoapp"]
    whole["spec"]["database"]["image"] = images["mysql"]
    whole["spec"]["frontend"]["image"] = images["haproxy"]
    whole["metadata"] = {"name": NAME}
    if os.environ.get(choice.VARIABLE) == "kind":
        # Nobody gives addresses there: it would never be Ready.
        whole["spec"]["service"]["type"] = "ClusterIP"
    return whole
