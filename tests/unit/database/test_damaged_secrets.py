"""Secrets that somebody has overwritten: found out before mysqld reads them, healed where nothing is lost by it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from pba_operator.domain.model import ChildId, Delete, Generate

World = Any
TLS = ChildId("Secret", "shop-mysql-tls")
STATEFUL_SET = ChildId("StatefulSet", "shop-mysql")
GARBAGE = base64.b64encode(b"garbage").decode()


def _start_hash(world: World) -> str:
    template = world.children[STATEFUL_SET]["spec"]["template"]
    return str(template["metadata"]["annotations"]["pba.dev/config-hash"])


def _data(world: World, name: str) -> dict[str, str]:
    found: dict[str, str] = world.get("Secret", f"shop-mysql-{name}")["data"]
    return found


def _of_others(world: World, key: str) -> str:
    """Return what the same Secret of another database holds."""
    other = type(world)(world.cluster, version=1000)
    other.settle()
    return _data(other, "tls")[key]


@pytest.mark.parametrize("key", ["tls.crt", "tls.key", "ca.crt"])
@pytest.mark.parametrize("what", ["garbage", "another's"])
def test_a_servers_certificate_that_does_not_fit_is_made_anew_before_mysqld_reads_it(
    settled: World, key: str, what: str
) -> None:
    before, good = _start_hash(settled), dict(_data(settled, "tls"))
    _data(settled, "tls")[key] = GARBAGE if what == "garbage" else _of_others(settled, key)
    assert _data(settled, "tls") != good

    first = settled.due()
    assert [step.target for step in first if isinstance(step, Delete)] == [TLS]
    for step in first:
        settled.act(step)
    assert _start_hash(settled) == before, "mysqld is not restarted onto what it cannot read"

    settled.settle()
    assert settled.reasons() == []
    assert _data(settled, "tls")["ca.crt"] == _data(settled, "ca")["ca.crt"]
    assert _start_hash(settled) != before


@pytest.mark.parametrize("key", ["tls.crt", "tls.key"])
@pytest.mark.parametrize("what", ["garbage", "another's"])
def test_an_authority_that_cannot_sign_is_told_and_nothing_is_changed(
    settled: World, key: str, what: str
) -> None:
    _data(settled, "ca")[key] = GARBAGE if what == "garbage" else _of_others(settled, key)
    problem = settled.problems()[0]
    assert (problem.reason, problem.stalled) == ("SecretInvalid", True)
    assert 'The Secret "shop-mysql-ca"' in problem.message
    assert "delete it" in problem.message
    assert settled.due() == []

    del settled.children[ChildId("Secret", "shop-mysql-ca")]
    assert any(isinstance(step, Generate) for step in settled.due())
    settled.settle()
    assert settled.reasons() == []


def test_a_password_of_the_operators_account_that_mysqld_will_never_learn_is_told(settled: World) -> None:
    _data(settled, "admin")["password"] = base64.b64encode(b"of-somebody-else").decode()
    problem = settled.problems()[0]
    assert (problem.reason, problem.stalled) == ("SecretInvalid", True)
    assert 'The Secret "shop-mysql-admin"' in problem.message
    assert "init.sql" in problem.message
    assert settled.due() == []

    del settled.children[ChildId("Secret", "shop-mysql-admin")]
    settled.settle()
    assert settled.reasons() == []
