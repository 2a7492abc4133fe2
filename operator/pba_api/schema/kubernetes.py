"""Schemas of shapes that are Kubernetes' own, as its API server publishes them, pruned and bounded.

`kubernetes.json` beside this file is made by `hack/generate kubernetes` from a running API server.
"""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("kubernetes.json")


@cache
def _types() -> dict[str, Any]:
    types: dict[str, Any] = json.loads(PATH.read_text())["types"]
    return types


def kubernetes_schema(type_name: str) -> dict[str, Any]:
    """Return the structural schema of Kubernetes' type `type_name`, such as `io.k8s.api.core.v1.EnvVar`."""
    schema: dict[str, Any] = copy.deepcopy(_types()[type_name])
    return schema
