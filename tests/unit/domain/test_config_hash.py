"""The hash by which nodes of the application are restarted: it follows what they read at their start, and only that.

A password is read once, and a file that is mounted by `subPath` is never refreshed. If the hash changes for the same
facts, an update of the operator restarts every node: tell it in CHANGELOG.md.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from pba_simulation.secrets import content, encoded

from pba_operator.domain.model import ChildId, Cluster, Generate, Generator, Manifest

TEMPLATES = ChildId("ConfigMap", "templates")
THEIRS = ChildId("Secret", "theirs")
AUTHORITY = ChildId("Secret", "shop-mysql-ca")
FILES = 11
"""So many that their keys have another order as text than as numbers."""


def config_file(index: int) -> Manifest:
    return {"path": f"/etc/shop/{index}", "templateRef": {"name": TEMPLATES.name, "key": f"{index}.conf"}}


@pytest.fixture
def reader(world: Any, cluster: Callable[..., Cluster]) -> Cluster:
    """Return a PBACluster whose nodes run, and have read their files, a password and the authority."""
    world.references[TEMPLATES] = {"data": {f"{index}.conf": f"n={index}" for index in range(FILES)}}
    world.references[THEIRS] = {"metadata": {"resourceVersion": "1"}, "data": encoded({"word": "s3cr3t"})}
    made = cluster(
        application={"configFiles": [config_file(index) for index in range(FILES)]},
        database={"user": {"passwordSecretRef": {"name": THEIRS.name, "key": "word"}}},
        backend={},
        frontend={"image": "haproxy:3.0.11"},
    )
    world.settle(made)
    return made


def hashes(world: Any) -> dict[str, str]:
    """Return the hash of each role's pods."""
    return {
        name: world.deployment(name)["spec"]["template"]["metadata"]["annotations"]["pba.dev/config-hash"]
        for name in ("shop-management", "shop-backend")
    }


def new_text(world: Any) -> None:
    world.references[TEMPLATES]["data"][f"{FILES - 1}.conf"] = "n=another"


def new_password(world: Any) -> None:
    world.references[THEIRS] = {"metadata": {"resourceVersion": "2"}, "data": encoded({"word": "an0ther"})}


def new_authority(world: Any) -> None:
    live = world.children[AUTHORITY]
    another = content(Generate(live, Generator.CERTIFICATE_AUTHORITY), None, salt="another")
    live["data"] = encoded(another)


@pytest.mark.parametrize("change", [new_text, new_password, new_authority])
def test_every_node_is_restarted_for_what_it_has_read(
    world: Any, reader: Cluster, change: Callable[[Any], None]
) -> None:
    before = hashes(world)
    change(world)
    world.settle(reader)
    after = hashes(world)
    assert [role for role in before if after[role] == before[role]] == []


def text_that_no_file_is_made_of(world: Any) -> None:
    world.references[TEMPLATES]["data"]["unused.conf"] = "n=another"


def password_that_nobody_asks_for(world: Any) -> None:
    data = encoded({"word": "s3cr3t", "unused": "an0ther"})
    world.references[THEIRS] = {"metadata": {"resourceVersion": "2"}, "data": data}


@pytest.mark.parametrize("change", [text_that_no_file_is_made_of, password_that_nobody_asks_for])
def test_no_node_is_restarted_for_what_it_has_not_read(
    world: Any, reader: Cluster, change: Callable[[Any], None]
) -> None:
    before = hashes(world)
    change(world)
    world.settle(reader)
    assert hashes(world) == before


@pytest.mark.usefixtures("reader")
def test_the_same_facts_have_the_same_hash(world: Any) -> None:
    certificate = base64.b64decode(world.children[AUTHORITY]["data"]["ca.crt"]).decode()
    read_once = hashlib.sha256(f"s3cr3t\n{certificate}".encode()).hexdigest()
    rendered = encoded({f"file-{index}": f"n={index}" for index in range(FILES)})
    files = ", ".join(f'"{key}": "{rendered[key]}"' for key in sorted(rendered))
    expected = hashlib.sha256(f'["{read_once}", {{{files}}}]'.encode()).hexdigest()[:16]
    assert hashes(world) == {"shop-management": expected, "shop-backend": expected}
