"""What the real API server answers to the engine's client, where the engine depends on it."""

from __future__ import annotations

import pytest
from pba_simulation.real import Namespace

from pba_operator.kube import credentials, kinds
from pba_operator.kube.client import Client
from pba_operator.kube.errors import Conflict, NamespaceTerminating

CONFIG_MAP = kinds.BY_NAME["ConfigMap"]


async def test_an_apply_to_an_object_that_was_replaced_meanwhile_is_a_conflict(place: Namespace) -> None:
    found = credentials.load()
    metadata = {"name": "map", "namespace": place.name}
    manifest: dict[str, object] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"key": "old"},
    }
    async with credentials.open_session(found) as session:
        client = Client(session, found.server)
        first = await client.apply(manifest)
        await client.delete(CONFIG_MAP, place.name, "map", uid=first["metadata"]["uid"])
        addressed = {**manifest, "metadata": {**metadata, "uid": first["metadata"]["uid"]}}
        with pytest.raises(Conflict):
            await client.apply(addressed)
        second = await client.apply(manifest)
        with pytest.raises(Conflict):
            await client.apply(addressed)
        with pytest.raises(Conflict):
            await client.delete(CONFIG_MAP, place.name, "map", uid=first["metadata"]["uid"])
        assert (await client.get(CONFIG_MAP, place.name, "map"))["metadata"]["uid"] == second["metadata"][
            "uid"
        ]


async def test_what_cannot_be_made_in_a_namespace_on_its_way_out(place: Namespace) -> None:
    found = credentials.load()
    metadata = {"name": "map", "namespace": place.name}
    manifest: dict[str, object] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
    }
    async with credentials.open_session(found) as session:
        client = Client(session, found.server)
        async with session.delete(f"{found.server}/api/v1/namespaces/{place.name}") as answer:
            assert answer.status == 200
        with pytest.raises(NamespaceTerminating):
            await client.create(manifest)


@pytest.mark.parametrize("kind", ["ConfigMap", "Service", "ServiceAccount", "PersistentVolumeClaim"])
async def test_a_deletion_tells_whether_the_object_is_still_there(place: Namespace, kind: str) -> None:
    """Some kinds are answered with the object in either case; a watch may have told of its end before."""
    found, what = credentials.load(), kinds.BY_NAME[kind]
    spec = {
        "Service": {"ports": [{"port": 80}]},
        "PersistentVolumeClaim": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    async with credentials.open_session(found) as session:
        client = Client(session, found.server)
        for finalizers in ([], ["pba.dev/held"]):
            name = "held" if finalizers else "free"
            metadata = {"name": name, "namespace": place.name, "finalizers": finalizers}
            manifest = {"apiVersion": what.api_version, "kind": kind, "metadata": metadata}
            live = await client.create({**manifest, **({"spec": spec[kind]} if kind in spec else {})})
            left = await client.delete(what, place.name, name, uid=live["metadata"]["uid"])
            assert (left is not None) == (place.get(kind, name) is not None) == bool(finalizers)
