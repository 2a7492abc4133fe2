"""The operator's accounts in MySQL, with the stand-in beside a real API server: made, told when they fail, healed."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from pba_simulation.real import Hands, Namespace, Object, RunningOperator, eventually
from pba_standin.database import Database
from pba_standin.errors import SqlError
from pba_standin.server import Interruption, Server
from pba_standin.statements import Name, Settings

from pba_operator.engine.resync import DOUBT_ROUNDS
from pba_operator.kube.store import Key

OWN = Name("app", "%")


class Shop:
    """A PBACluster, and its database."""

    def __init__(self, place: Namespace, hands: Hands) -> None:
        self.place = place
        self.hands = hands
        self.host = f"shop-mysql-0.shop-mysql.{place.name}.svc"

    @property
    def server(self) -> Server:
        return self.place.mysql.server(self.host)

    def is_ready(self) -> bool:
        self.hands.work()
        return self.place.is_ready()

    def settle(self) -> None:
        eventually(self.is_ready, f"never ready: {self.place.condition('Ready')}")

    def told(self, words: str) -> Object:
        """Wait until the database's condition says something; return the condition."""

        def found() -> Object | None:
            self.hands.work()
            condition = self.place.condition("DatabaseReady")
            return condition if condition is not None and words in condition["message"] else None

        condition: Object = eventually(
            found, f"never told {words!r}: {self.place.condition('DatabaseReady')}"
        )
        return condition

    def password(self) -> bytes:
        secret = self.place.get("Secret", "shop-mysql-app")
        assert secret is not None
        return base64.b64decode(secret["data"]["password"])

    def change_password(self, text: bytes) -> None:
        """Have the operator ask MySQL again."""
        data = {"password": base64.b64encode(text).decode()}
        self.place.patch("Secret", "shop-mysql-app", {"data": data})


@pytest.fixture
def hands(place: Namespace) -> Hands:
    return Hands(place, sees_templates=True)


@pytest.fixture
def cluster(place: Namespace, hands: Hands, operator: RunningOperator, shop: Callable[..., Object]) -> Shop:
    """One that is just being made."""
    assert operator.leads
    place.create(shop())
    return Shop(place, hands)


@pytest.fixture
def settled(cluster: Shop) -> Shop:
    cluster.settle()
    return cluster


def test_the_applications_schema_and_account_are_made_by_the_secrets(settled: Shop) -> None:
    database = settled.server.database
    assert "app" in database.schemas
    assert database.accounts[OWN].password.fits(settled.password())
    assert not database.accounts[OWN].on_server
    live = settled.place.get("PBACluster", "shop")
    assert live is not None
    assert live["status"]["database"]["version"] == "9.7.4"


def test_a_password_that_is_changed_is_set(settled: Shop) -> None:
    settled.change_password(b"an0ther-One")
    account = settled.server.database.accounts[OWN]
    eventually(lambda: account.password.fits(b"an0ther-One"), "the old password stays")
    settled.settle()


def test_a_server_that_is_read_only_is_told_until_it_is_not(settled: Shop) -> None:
    settled.server.variables.change("super_read_only", "ON")
    settled.change_password(b"an0ther-One")
    assert settled.told("read-only")["reason"] == "AccountsFailed"
    assert settled.place.condition("Stalled")
    settled.server.variables.change("read_only", "OFF")
    settled.settle()
    assert settled.server.database.accounts[OWN].password.fits(b"an0ther-One")


def test_an_admin_secret_made_anew_takes_effect_by_a_restart(settled: Shop) -> None:
    before = settled.place.get("Pod", "shop-mysql-0")
    assert before is not None
    settled.place.delete("Secret", "shop-mysql-admin")

    def is_another() -> bool:
        settled.hands.work()
        pod = settled.place.get("Pod", "shop-mysql-0")
        return pod is not None and bool(pod["metadata"]["uid"] != before["metadata"]["uid"])

    eventually(is_another, "the database is not restarted")
    settled.settle()
    secret = settled.place.get("Secret", "shop-mysql-admin")
    assert secret is not None
    admin = settled.server.database.accounts[Name("pba_admin", "%")]
    assert admin.password.fits(base64.b64decode(secret["data"]["password"]))
    assert settled.server.database.accounts[OWN].password.fits(settled.password())


DAMAGE: dict[str, Callable[[Database], object]] = {
    "CREATE DATABASE": lambda database: database.schemas.discard("app"),
    "CREATE USER": lambda database: database.accounts.pop(OWN),
    "GRANT ALL": lambda database: database.accounts[OWN].on_schemas.clear(),
}


@pytest.mark.parametrize("statement", DAMAGE)
def test_unobserved_effects_a_change_whose_answer_is_lost_is_not_made_twice(
    settled: Shop, statement: str
) -> None:
    """The connection breaks when MySQL has done what it was asked, and has not said so."""
    server = settled.server
    before = server.database.transactions
    DAMAGE[statement](server.database)
    server.interruptions.append(Interruption(statement, None, is_done=True))
    settled.change_password(b"an0ther-One")
    eventually(lambda: not server.interruptions, "it is not asked")
    eventually(lambda: server.database.transactions == before + 2, "what was damaged, and the rest")
    settled.settle()
    assert server.database.transactions == before + 2
    assert server.database.accounts[OWN].password.fits(b"an0ther-One")


def test_one_that_hangs_delays_no_other(settled: Shop, place: Namespace, shop: Callable[..., Object]) -> None:
    settled.server.freeze()
    settled.change_password(b"an0ther-One")
    eventually(lambda: settled.server.held, "it is not asked")
    manifest = shop()
    manifest["metadata"]["name"] = "other"
    place.create(manifest)

    def other_is_ready() -> bool:
        settled.hands.work()
        return place.is_ready("other")

    eventually(other_is_ready, "the other waits")
    assert settled.server.held, "the first is still being asked"
    settled.server.thaw()
    settled.settle()


BY_HAND: dict[str, Callable[[Database], object]] = {
    "another password": lambda database: database.accounts[OWN].set(Settings(password="set-by-h4nd")),
    "locked": lambda database: database.accounts[OWN].set(Settings(is_locked=True)),
    "without rights": lambda database: database.accounts[OWN].on_schemas.clear(),
    "account dropped": lambda database: database.accounts.pop(OWN),
    "schema dropped": lambda database: database.schemas.discard("app"),
}


def _ask_anew(operator: RunningOperator, name: str) -> None:
    """Let so much time go by that the operator does not believe any more what MySQL has answered."""
    process, key = operator.process, Key(name, "shop")
    assert process is not None

    def rounds() -> None:
        for _ in range(DOUBT_ROUNDS):
            process.engine.resync.everything()
        process.engine.queue.add(key)

    operator.do(rounds)


@pytest.mark.parametrize("what", BY_HAND)
def test_misoperation_what_is_changed_in_mysql_by_hand_is_set_right_again(
    settled: Shop, operator: RunningOperator, what: str
) -> None:
    database = settled.server.database
    right = _account(settled, database)
    BY_HAND[what](database)
    assert _account(settled, database) != right
    _ask_anew(operator, settled.place.name)
    eventually(lambda: _account(settled, database) == right, "it stays as it is")
    settled.settle()
    before = database.transactions
    _ask_anew(operator, settled.place.name)
    eventually(lambda: operator.is_idle, "no rest")
    assert database.transactions == before, "where all is well nothing is written"


def test_misoperation_what_cannot_be_set_right_is_told(settled: Shop, operator: RunningOperator) -> None:
    database = settled.server.database
    settled.server.variables.change("super_read_only", "ON")
    database.accounts[OWN].set(Settings(password="set-by-h4nd"))
    _ask_anew(operator, settled.place.name)
    assert settled.told("read-only")["reason"] == "AccountsFailed"
    settled.server.variables.change("read_only", "OFF")
    settled.settle()
    assert database.accounts[OWN].password.fits(settled.password())


def _account(shop: Shop, database: Database) -> tuple[object, ...]:
    """Return what MySQL knows of the application."""
    account = database.accounts.get(OWN)
    if account is None:
        return ("app" in database.schemas,)
    fits = account.password.fits(shop.password())
    granted = {pattern: sorted(held) for pattern, held in account.on_schemas.items()}
    return "app" in database.schemas, fits, account.is_locked, granted


@pytest.mark.parametrize("number", [1053, 1317])
def test_a_server_that_shuts_down_is_not_stalled(settled: Shop, number: int) -> None:
    before = settled.place.get("PBACluster", "shop")
    assert before is not None
    refusal = SqlError(number, "Query execution was interrupted")
    settled.server.interruptions.append(Interruption("SELECT VERSION()", refusal, is_done=False))
    settled.change_password(b"an0ther-One")
    account = settled.server.database.accounts[OWN]
    eventually(lambda: account.password.fits(b"an0ther-One"), "it is not asked again")
    settled.settle()
    told = [
        condition
        for live in settled.place.changes("PBACluster", since=before)
        for condition in live["status"]["conditions"]
    ]
    assert any("it is shutting down" in condition["message"] for condition in told), told
    assert not any(condition["type"] == "Stalled" for condition in told)
