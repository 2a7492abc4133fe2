from __future__ import annotations

from typing import Any

import pytest
from pba_lab.shop import shop

from pba_api.conditions import ConditionType
from pba_operator.domain.frontend import haproxy_cfg, pages
from pba_operator.domain.frontend.pages import KEYS, PAGE_MAX_BYTES
from pba_operator.domain.model import ChildId, Observed, Problem
from pba_operator.domain.plan import references

CLUSTER = shop("default", {"errorPages": {"configMapRef": {"name": "shop-pages"}}, "maintenance": True})
REFERENCE = ChildId("ConfigMap", "shop-pages")


def seen(found: Any) -> tuple[dict[str, str], list[Problem]]:
    observed = Observed(references={REFERENCE: found})
    return dict(pages.usable(CLUSTER, observed)), list(pages.problems(CLUSTER, observed))


def test_the_users_configmap_is_looked_for() -> None:
    assert REFERENCE in references(CLUSTER.spec)
    assert references(shop("default").spec) == ()
    assert list(pages.problems(shop("default"), Observed())) == []


def test_every_page_that_haproxy_can_show_is_shown() -> None:
    good = {key: f"<h1>{key}</h1>" for key in KEYS}
    assert seen({"data": good}) == (good, [])
    text = haproxy_cfg.render(CLUSTER, good)
    for key in KEYS:
        assert f'content-type "text/html; charset=utf-8" file /etc/haproxy-pba/{key}' in text
    assert haproxy_cfg.config_map(CLUSTER, good)["data"].items() >= good.items()


def test_a_configmap_that_is_missing_is_told_and_our_pages_stay() -> None:
    usable, (problem,) = seen(None)
    assert usable == {}
    assert (problem.part, problem.reason, problem.stalled) == (
        ConditionType.FRONTEND,
        "ErrorPagesMissing",
        True,
    )
    assert problem.message == (
        'The ConfigMap "shop-pages", which frontend.errorPages names, does not exist in this namespace: create it, or '
        "correct the reference."
    )
    assert "Down for maintenance" in haproxy_cfg.render(CLUSTER, usable)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (
            {"data": {"503.html": "x" * (PAGE_MAX_BYTES + 1)}},
            "503.html has 14337 bytes, of which",
        ),
        ({"data": {"503.html": "ä" * (PAGE_MAX_BYTES // 2 + 1)}}, "503.html has 14338 bytes"),
        ({"data": {"503.html": " \n"}}, "503.html is empty"),
        ({"binaryData": {"503.html": "AAA="}}, "503.html must be text (under data), not binary data"),
        ({"data": {"404.html": "x"}}, "404.html is no page that a frontend shows"),
        ({"data": {"503.html": ""}, "binaryData": None}, "503.html is empty"),
    ],
)
def test_a_page_that_cannot_be_shown_is_told_and_the_others_are_shown(found: Any, told: str) -> None:
    found.setdefault("data", {})["502.html"] = "fine"
    usable, (problem,) = seen(found)
    assert usable == {"502.html": "fine"}
    assert (problem.reason, problem.stalled) == ("ErrorPagesRefused", True)
    assert told in problem.message


def test_what_is_no_page_may_lie_beside() -> None:
    assert seen({"data": {"README": "x", "502.html": "fine"}}) == ({"502.html": "fine"}, [])
    assert seen({}) == ({}, [])


def test_a_page_as_large_as_it_may_be_is_shown() -> None:
    assert seen({"data": {"503.html": "x" * PAGE_MAX_BYTES}})[1] == []
