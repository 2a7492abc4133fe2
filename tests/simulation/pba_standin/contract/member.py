"""The objects around one member's pod, as the operator makes them, without an API server."""

from __future__ import annotations

import asyncio
import base64

from pba_api.parse import parse_spec
from pba_operator.domain import database
from pba_operator.domain.model import ChildId, Cluster, Generate, Manifest, Observed
from pba_operator.mysql.material import Material


def cluster(image: str = "mysql:9.7.4", **config: str) -> Cluster:
    """Return a PBACluster `shop`.

    Args:
        image: of the database.
        **config: options of mysqld.
    """
    spec = {
        "application": {"image": "app"},
        "database": {"image": image, "storage": {"size": "1Gi"}, "config": config},
    }
    return Cluster(
        "default", "shop", "8f2f0c52-6c1e-4a0e-a9f6-1f9a3a1d4c11", 1, False, (), parse_spec(spec), {}
    )


def as_stored(manifest: Manifest, content: dict[str, str]) -> Manifest:
    """Return a Secret as the API server keeps it, with what was generated for it."""
    text_data = {**manifest.get("stringData", {}), **content}
    data = {key: base64.b64encode(text.encode()).decode() for key, text in text_data.items()}
    stored = {key: value for key, value in manifest.items() if key != "stringData"}
    metadata = {
        **manifest["metadata"],
        "uid": f"uid-of-{manifest['metadata']['name']}",
        "resourceVersion": "1",
    }
    return {**stored, "metadata": metadata, "data": data}


def with_secrets(wanted: Cluster, known: Observed | None = None) -> Observed:
    """Return what is observed once all Secrets are made, as the operator makes them."""
    observed, material = known or Observed(), Material()
    while made := [step for step in database.actions(wanted, observed) if isinstance(step, Generate)]:
        children = dict(observed.children)
        for step in made:
            content = asyncio.run(material(step, children.get(step.issuer) if step.issuer else None))
            child = ChildId.of(step.manifest)
            children[child] = as_stored(step.manifest, content)
        observed = Observed(children)
    return observed
