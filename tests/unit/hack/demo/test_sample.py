from __future__ import annotations

from typing import Any

import pytest

from pba_hack.cluster import choice
from pba_hack.demo.sample import sample

IMAGES = {"demoapp": "app:1", "mysql": "mysql:1", "haproxy": "haproxy:1"}


def kubectl(*_words: str) -> str:
    """Answer what `kubectl create --dry-run` makes of the sample, as far as it matters here."""
    return (
        '{"metadata": {"name": "shop", "labels": {}},'
        ' "spec": {"application": {}, "database": {}, "frontend": {}, "service": {"type": "LoadBalancer"}}}'
    )


@pytest.mark.parametrize(("provider", "kind"), [("local", "LoadBalancer"), ("kind", "ClusterIP")])
def test_the_service_is_one_that_gets_an_address(
    provider: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(choice.VARIABLE, provider)
    asked: Any = kubectl
    assert sample(asked, IMAGES)["spec"]["service"]["type"] == kind
