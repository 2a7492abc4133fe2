"""What must not change later, and what may."""

from typing import Any

import pytest


@pytest.fixture
def shop(clusters: Any, minimal: dict[str, Any]) -> Any:
    minimal["database"]["storage"]["storageClassName"] = "fast"
    assert clusters.create(minimal).ok
    return clusters


REFUSED = {
    "smaller volume": ({"database": {"storage": {"size": "512Mi"}}}, "size can only grow"),
    "other class": ({"database": {"storage": {"storageClassName": "slow"}}}, "cannot move between classes"),
    "no class": ({"database": {"storage": {"storageClassName": None}}}, "cannot move between classes"),
    "other schema": ({"database": {"name": "other"}}, "the data is in that schema"),
    "other user": ({"database": {"user": {"name": "other"}}}, "cannot be changed: set it back"),
}


@pytest.mark.parametrize(("change", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_change_that_would_lose_data_is_refused(shop: Any, change: dict[str, Any], told: str) -> None:
    answer = shop.patch({"spec": change})
    assert answer.status == 422
    assert told in answer.body["message"]


def test_volume_may_grow_and_may_be_written_differently(shop: Any) -> None:
    assert shop.patch({"spec": {"database": {"storage": {"size": "1024Mi"}}}}).ok
    assert shop.patch({"spec": {"database": {"storage": {"size": "2Gi"}}}}).ok


def test_absent_class_and_empty_class_are_the_same(clusters: Any, minimal: dict[str, Any]) -> None:
    assert clusters.create(minimal).ok
    assert clusters.patch({"spec": {"database": {"storage": {"storageClassName": ""}}}}).ok


def test_backend_and_frontend_can_be_added_and_removed_together(shop: Any) -> None:
    both = {"backend": {}, "frontend": {"image": "haproxy:3.0.11"}}
    assert shop.patch({"spec": both}).ok
    assert shop.get()["spec"]["backend"]["replicas"] == 2
    assert shop.patch({"spec": {"frontend": None}}).status == 422
    assert shop.patch({"spec": {"backend": None}}).ok
    assert shop.patch({"spec": {"management": {"servesTraffic": False}}}).status == 422, "nobody would serve"
    assert shop.patch({"spec": {"backend": {}, "management": {"servesTraffic": False}}}).ok
    assert shop.patch({"spec": {"backend": None}}).status == 422
    assert shop.patch({"spec": {"management": {"servesTraffic": True}}}).ok
    assert shop.patch({"spec": {"backend": None, "frontend": None}}).ok


def test_load_balancer_class_is_fixed_while_there_is_a_load_balancer(shop: Any) -> None:
    assert shop.patch({"spec": {"service": {"type": "LoadBalancer", "loadBalancerClass": "a.example/x"}}}).ok
    refused = shop.patch({"spec": {"service": {"loadBalancerClass": "b.example/x"}}})
    assert refused.status == 422
    assert "change the type to ClusterIP first" in refused.body["message"]
    assert shop.patch({"spec": {"service": {"type": "ClusterIP", "loadBalancerClass": None}}}).ok


def test_name_rule_does_not_stand_in_the_way_of_metadata(shop: Any) -> None:
    assert shop.patch({"metadata": {"labels": {"a": "b"}, "finalizers": ["pba.dev/cleanup"]}}).ok
    assert shop.patch({"metadata": {"finalizers": None}}).ok
