from __future__ import annotations

import subprocess
import sys

import pytest

from pba_operator.engine.configuration import ConfigurationError, from_environment

LEAST = {"PBA_SYNC_IMAGE": "sync:1"}


def test_without_more_than_an_image_all_namespaces_are_watched() -> None:
    found = from_environment(LEAST)
    assert found.namespaces == ()
    assert found.http_port == 8080
    assert (found.lease_namespace, found.lease_name) == ("default", "pba-operator")
    assert found.log_level == "INFO"


def test_what_the_chart_writes() -> None:
    found = from_environment(
        {
            "POD_NAME": "pba-operator-x",
            "POD_NAMESPACE": "ops",
            "PBA_POD_NAME_LABEL": "pba-operator",
            "PBA_POD_INSTANCE_LABEL": "shops",
            "PBA_LEASE_NAME": "shops-pba-operator",
            "PBA_WATCH_NAMESPACES": "b, a,,b",
            "PBA_SYNC_IMAGE": "sync:1",
            "PBA_SYNC_IMAGE_PULL_POLICY": "Always",
            "PBA_LOG_LEVEL": "debug",
            "PBA_HTTP_PORT": "9090",
        }
    )
    assert found.namespaces == ("a", "b")
    assert found.pod_labels == {
        "app.kubernetes.io/name": "pba-operator",
        "app.kubernetes.io/instance": "shops",
    }
    assert (found.lease_namespace, found.lease_name) == ("ops", "shops-pba-operator")
    assert (found.sync_image, found.sync_image_pull_policy) == ("sync:1", "Always")
    assert (found.http_port, found.log_level) == (9090, "DEBUG")
    assert found.identity.startswith("pba-operator-x_")


def test_a_label_that_the_pods_do_not_have_is_empty() -> None:
    found = from_environment({**LEAST, "PBA_POD_NAME_LABEL": "pba-operator", "PBA_POD_INSTANCE_LABEL": ""})
    assert found.pod_labels == {"app.kubernetes.io/name": "pba-operator"}
    assert from_environment(LEAST).pod_labels == {}


def test_no_two_processes_are_the_same() -> None:
    one, other = (from_environment({**LEAST, "POD_NAME": "x"}) for _ in range(2))
    assert one.identity != other.identity


def test_a_container_that_is_started_again_is_who_it_was() -> None:
    pod = {**LEAST, "POD_NAME": "x", "POD_UID": "5f2d"}
    assert from_environment(pod).identity == from_environment(pod).identity == "x_5f2d"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PBA_HTTP_PORT", "http"),
        ("PBA_HTTP_PORT", "0"),
        ("PBA_HTTP_PORT", "65536"),
        ("PBA_SYNC_IMAGE", " "),
        ("PBA_SYNC_IMAGE_PULL_POLICY", "Sometimes"),
        ("PBA_LOG_LEVEL", "loud"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        from_environment({**LEAST, name: value})


def test_without_the_sidecars_image_the_operator_does_not_begin() -> None:
    command = [sys.executable, "-m", "pba_operator"]
    done = subprocess.run(command, env={"PATH": ""}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("pba-operator: PBA_SYNC_IMAGE is not set")
    assert done.stderr.count("\n") == 1
