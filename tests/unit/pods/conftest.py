"""PBAClusters to make pods for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pba_api.parse import parse_spec
from pba_operator.domain.model import Cluster


def cluster(**spec: Any) -> Cluster:
    whole = {
        "application": {"image": "app:1"},
        "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}},
        **spec,
    }
    return Cluster("default", "shop", "uid-of-shop", 1, False, (), parse_spec(whole), {})


@pytest.fixture
def make_cluster() -> Callable[..., Cluster]:
    return cluster
