from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pba_lab.modelled import Clock, ModelledHAProxy

from pba_sync.balancer.stopping import FURTHER_SECONDS, Stopping

if TYPE_CHECKING:
    from pba_lab.model import HAProxyModel


LEAVE_SECONDS = 40.0
SHUT_SECONDS = LEAVE_SECONDS + FURTHER_SECONDS


@pytest.fixture
def look(tmp_path: Path, clock: Clock, haproxy: ModelledHAProxy) -> Callable[[], None]:
    stopping = Stopping(tmp_path, LEAVE_SECONDS, clock)
    return lambda: stopping.look(haproxy, haproxy.incarnation(), haproxy.flags())


def test_nothing_happens_before_the_pod_terminates(
    look: Callable[[], None], model: HAProxyModel, tmp_path: Path
) -> None:
    look()
    assert model.flags == []
    assert list(tmp_path.iterdir()) == []


def test_clients_are_asked_to_leave_and_waited_for(
    look: Callable[[], None], model: HAProxyModel, tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "stopping").touch()
    model.clients = 2
    look()
    look()
    assert model.flags == ["stopping"]
    clock.now += LEAVE_SECONDS + 1
    look()
    assert not (tmp_path / "drained").exists()
    model.clients = 0
    look()
    assert (tmp_path / "drained").exists()


def test_a_client_that_asks_for_nothing_is_waited_for_as_long_as_it_is_there(
    look: Callable[[], None], model: HAProxyModel, tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "stopping").touch()
    model.clients = 1
    look()
    clock.now += 3600
    look()
    assert not (tmp_path / "drained").exists(), "it may ask at any time"
    model.clients = 0
    look()
    assert (tmp_path / "drained").exists()


def test_an_empty_frontend_still_waits_until_all_machines_have_heard(
    look: Callable[[], None], tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "stopping").touch()
    look()
    clock.now += LEAVE_SECONDS - 0.1
    look()
    assert not (tmp_path / "drained").exists()
    clock.now += 0.1
    look()
    assert (tmp_path / "drained").exists()


def test_no_new_client_is_accepted_once_all_machines_must_have_heard(
    look: Callable[[], None], model: HAProxyModel, haproxy: ModelledHAProxy, tmp_path: Path, clock: Clock
) -> None:
    """Clients of HTTP/2 are told to leave by that."""
    (tmp_path / "stopping").touch()
    model.clients = 1
    look()
    clock.now += SHUT_SECONDS - 0.1
    look()
    assert not model.is_shut
    clock.now += 0.1
    look()
    look()
    assert model.is_shut
    assert haproxy.verbs.count(("shutdown frontend", True)) == 1
    assert not (tmp_path / "drained").exists()


def test_a_sidecar_that_finds_the_frontend_shut_goes_on(
    look: Callable[[], None], model: HAProxyModel, tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "stopping").touch()
    model.is_shut = True
    look()
    clock.now += SHUT_SECONDS
    look()
    assert (tmp_path / "drained").exists()


def test_what_was_asked_of_a_former_haproxy_is_forgotten(
    look: Callable[[], None], model: HAProxyModel, tmp_path: Path
) -> None:
    for name in ("stopping", "drained"):
        (tmp_path / name).touch()
        asked = time.time() - model.uptime - 10
        os.utime(tmp_path / name, (asked, asked))
    look()
    assert list(tmp_path.iterdir()) == []
    assert model.flags == []


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_the_time_of_day_may_be_set_while_the_pod_lives(
    haproxy: ModelledHAProxy, model: HAProxyModel, tmp_path: Path, clock: Clock, jump: float
) -> None:
    """Before it is asked, and again afterwards."""
    now = [time.time() + jump]
    stopping = Stopping(tmp_path, LEAVE_SECONDS, clock, lambda: now[0])
    (tmp_path / "stopping").touch()
    os.utime(tmp_path / "stopping", (now[0], now[0]))
    for _ in range(2):
        stopping.look(haproxy, haproxy.incarnation(), haproxy.flags())
        now[0] += jump
        clock.now += LEAVE_SECONDS
    assert model.flags == ["stopping"]
    assert (tmp_path / "drained").exists()
