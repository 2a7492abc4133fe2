from __future__ import annotations

import pytest

from pba_operator.engine.configuration import from_environment


def test_without_an_environment_all_namespaces_are_watched() -> None:
    found = from_environment({})
    assert found.namespaces == ()
    assert found.http_port == 8080
    assert (found.lease_namespace, found.lease_name) == ("default", "pba-operator")
    assert found.log_level == "INFO"


def test_what_the_chart_writes() -> None:
    found = from_environment(
        {
            "POD_NAME": "pba-operator-x",
            "POD_NAMESPACE": "ops",
            "PBA_WATCH_NAMESPACES": "b, a,,b",
            "PBA_SYNC_IMAGE": "sync:1",
            "PBA_SYNC_IMAGE_PULL_POLICY": "Always",
            "PBA_LOG_LEVEL": "debug",
            "PBA_HTTP_PORT": "9090",
        }
    )
    assert found.namespaces == ("a", "b")
    assert found.lease_namespace == "ops"
    assert (found.sync_image, found.sync_image_pull_policy) == ("sync:1", "Always")
    assert found.http_port == 9090
    assert found.identity.startswith("pba-operator-x_")


def test_no_two_processes_are_the_same() -> None:
    assert from_environment({"POD_NAME": "x"}).identity != from_environment({"POD_NAME": "x"}).identity


def test_a_port_that_is_none_is_told() -> None:
    with pytest.raises(ValueError, match="http"):
        from_environment({"PBA_HTTP_PORT": "http"})
