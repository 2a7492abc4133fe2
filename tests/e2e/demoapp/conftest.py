"""The demo application on loopback: a database for the whole run, nodes for a test or for a file of tests."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pba_store.browser import Browser
from pba_store.mysql import Mysql
from pba_store.node import Node, Stage


@pytest.fixture(scope="session")
def mysql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mysql]:
    server = Mysql(tmp_path_factory.mktemp("mysql"))
    server.start()
    yield server
    server.stop()


@contextlib.contextmanager
def staged(mysql: Mysql, folder: Path) -> Iterator[Stage]:
    database = f"store_{uuid.uuid4().hex[:12]}"
    mysql.execute(f"CREATE DATABASE {database}")
    found = Stage(mysql, database, folder, [])
    try:
        yield found
    finally:
        for node in found.nodes:
            node.process.kill()
            node.process.wait()
    mysql.execute(f"DROP DATABASE {database}")


@pytest.fixture
def stage(mysql: Mysql, tmp_path: Path) -> Iterator[Stage]:
    with staged(mysql, tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def store(mysql: Mysql, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Two nodes that serve and that the tests of one file share: to start a node is what takes long."""
    with staged(mysql, tmp_path_factory.mktemp("store")) as found:
        for name in ("node-a", "node-b"):
            found.node(name)
        for node in found.nodes:
            node.wait_ready()
        yield found


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture
def nodes(store: Stage) -> list[Node]:
    return store.nodes
