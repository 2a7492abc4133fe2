"""The keeper of certificates, with files and without HAProxy: when it asks, when it writes, when it lets be."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pba_lab.modelled import Clock

from pba_sync.haproxy.commands import Command
from pba_sync.haproxy.errors import AnswerMalformedError, HAProxyUnreachableError
from pba_sync.haproxy.runtime import Incarnation
from pba_sync.tls.items import Runtime
from pba_sync.tls.keeper import Keeper, KeeperHooks
from pba_sync.tls.pem import UnusableError

FIRST, SECOND = Incarnation(7, 1000), Incarnation(8, 2000)


@dataclass
class FakeHAProxy:
    life: Incarnation | None = FIRST

    def incarnation(self) -> Incarnation:
        if self.life is None:
            raise HAProxyUnreachableError("it does not run")
        return self.life

    def run(self, command: Command) -> None:
        raise AssertionError(command)

    def ask(self, command: Command) -> str:
        raise AssertionError(command)


@dataclass
class FakeItem:
    file: Path
    secret: str = "shop-tls"
    is_fixed: bool = False
    is_users: bool = True
    text: str = "good"
    refused: set[str] = field(default_factory=set)
    put_texts: list[str] = field(default_factory=list)
    fault: Exception | None = None

    def read(self) -> str:
        if not self.text:
            raise UnusableError("it is empty")
        return self.text

    def put(self, haproxy: Runtime, text: str) -> None:
        assert haproxy
        self.put_texts.append(text)
        if self.fault is not None:
            raise self.fault
        if text in self.refused:
            raise UnusableError("HAProxy says no")


@pytest.fixture
def haproxy() -> FakeHAProxy:
    return FakeHAProxy()


@pytest.fixture
def item(tmp_path: Path) -> FakeItem:
    return FakeItem(tmp_path / "shop-tls.pem")


@pytest.fixture
def verdicts() -> dict[str, bool]:
    return {}


@pytest.fixture
def keeper(
    haproxy: FakeHAProxy, item: FakeItem, verdicts: dict[str, bool], tmp_path: Path, clock: Clock
) -> Keeper:
    hooks = KeeperHooks(clock, verdicts.__setitem__)
    return Keeper(haproxy, [item], [], tmp_path / "list", hooks)


def test_haproxy_is_told_once_in_each_of_its_lives(
    keeper: Keeper, haproxy: FakeHAProxy, item: FakeItem
) -> None:
    for _ in range(3):
        keeper.step()
    assert item.put_texts == ["good"]
    haproxy.life = SECOND
    keeper.step()
    assert item.put_texts == ["good", "good"]
    item.text = "better"
    keeper.step()
    assert item.put_texts[2:] == ["better"]
    assert item.file.read_text() == "better"


def test_what_haproxy_refuses_is_not_written_and_not_told_again(
    keeper: Keeper, haproxy: FakeHAProxy, item: FakeItem, verdicts: dict[str, bool]
) -> None:
    keeper.step()
    item.text, item.refused = "bad", {"bad"}
    for life in (FIRST, FIRST, None, None):
        haproxy.life = life
        keeper.step()
        assert item.file.read_text() == "good"
        assert verdicts == {"shop-tls": False}
    assert item.put_texts == ["good", "bad"]
    item.text, haproxy.life = "good", FIRST
    keeper.step()
    assert verdicts == {"shop-tls": True}


def test_before_haproxy_runs_its_files_are_written(
    keeper: Keeper, haproxy: FakeHAProxy, item: FakeItem, tmp_path: Path
) -> None:
    haproxy.life, item.text = None, ""
    keeper.step()
    assert not keeper.started
    item.text = "good"
    keeper.step()
    assert keeper.started
    assert (tmp_path / "list").read_text() == f"{item.file}\n"
    assert item.put_texts == []


def test_what_is_read_at_the_start_only_is_written_once(
    keeper: Keeper, haproxy: FakeHAProxy, item: FakeItem
) -> None:
    item.is_fixed, haproxy.life = True, None
    keeper.step()
    item.text, haproxy.life = "other", FIRST
    keeper.step()
    assert (item.file.read_text(), item.put_texts) == ("good", [])


def test_the_list_waits_for_all_else_that_haproxy_reads(
    haproxy: FakeHAProxy, item: FakeItem, tmp_path: Path, clock: Clock
) -> None:
    other = FakeItem(tmp_path / "client-ca.crt", secret="clients", text="")
    keeper = Keeper(haproxy, [item], [other], tmp_path / "list", KeeperHooks(clock, lambda *_: None))
    keeper.step()
    assert not keeper.started
    other.text = "good"
    keeper.step()
    assert keeper.started


def test_without_certificates_haproxy_is_not_asked_and_can_be_started(tmp_path: Path, clock: Clock) -> None:
    other = FakeItem(tmp_path / "ticket-keys")
    keeper = Keeper(FakeHAProxy(), [], [other], tmp_path / "list", KeeperHooks(clock, lambda *_: None))
    keeper.step()
    assert keeper.started
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", [AnswerMalformedError("what?"), HAProxyUnreachableError("gone")])
def test_a_haproxy_that_answers_oddly_is_told_of_once_and_asked_again(
    keeper: Keeper, item: FakeItem, clock: Clock, caplog: pytest.LogCaptureFixture, fault: Exception
) -> None:
    item.fault = fault
    for _ in range(3):
        clock.now += 1
        keeper.step()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert keeper.looks.ended_at == clock.now
    assert not item.file.exists()
    item.fault = None
    keeper.step()
    assert item.file.read_text() == "good"


def test_a_fault_of_our_own_is_counted_and_does_not_have_us_started_anew(
    keeper: Keeper, item: FakeItem, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    item.fault = ValueError("a fault")
    clock.now += 10
    keeper.step()
    assert (keeper.looks.ended_at, keeper.looks.faults) == (clock.now, 1)
    assert caplog.records[-1].exc_info
