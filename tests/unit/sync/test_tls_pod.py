"""What the operator mounts is what the sidecar reads; what that writes is what HAProxy's configuration names."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from pba_lab.shop import shop
from pba_lab.tls import Authority, Mount

from pba_api import names, sidecar
from pba_operator.domain.frontend import SyncImage, haproxy_cfg, manifests
from pba_operator.domain.model import ChildId, Cluster, Manifest, Observed
from pba_sync.haproxy.errors import HAProxyUnreachableError
from pba_sync.settings import read_settings
from pba_sync.tls import pod

AUTHORITY = Authority("a test's CA")
HELD = {
    "shop-tls": AUTHORITY.issue("shop.example").secret(),
    "b.example": AUTHORITY.issue("b.example").secret(),
    "clients": {"ca.crt": AUTHORITY.certificate},
    "shop-frontend-tickets": {"seed": "a-seed-that-nobody-can-guess-1234"},
}
TLS = {
    "secretRefs": [{"name": "shop-tls"}, {"name": "b.example"}],
    "redirect": True,
    "clientCASecretRef": {"name": "clients"},
}


class NoHAProxy:
    """HAProxy before it is started."""

    def incarnation(self) -> Any:
        raise HAProxyUnreachableError("it does not run yet")

    def run(self, command: Any) -> None:
        raise AssertionError(command)

    def ask(self, command: Any) -> str:
        raise AssertionError(command)


@pytest.fixture
def cluster() -> Cluster:
    return shop("default", {"tls": TLS})


@pytest.fixture
def spec(cluster: Cluster) -> dict[str, Any]:
    held: dict[ChildId, Manifest | None] = {
        ChildId("Secret", name): {
            "data": {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        }
        for name, texts in HELD.items()
    }
    deployment = manifests(cluster, Observed(references=held), SyncImage("sync:1", "Never"))[-1]
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


@pytest.fixture
def root(tmp_path: Path, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sidecar's root, as the kubelet makes it from the pod; and the sidecar's paths lead below it."""
    for name in dir(sidecar):
        value = getattr(sidecar, name)
        if isinstance(value, str) and value.startswith(("/etc/pba-tls", "/run/haproxy-tls")):
            monkeypatch.setattr(sidecar, name, f"{tmp_path}{value}")
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    for mount in spec["initContainers"][0]["volumeMounts"]:
        path, volume = tmp_path / mount["mountPath"].lstrip("/"), volumes[mount["name"]]
        path.parent.mkdir(parents=True, exist_ok=True)
        if "secret" in volume:
            held = HELD[volume["secret"]["secretName"]]
            Mount(path, {item["path"]: held[item["key"]] for item in volume["secret"]["items"]})
        else:
            path.mkdir()
    return tmp_path


def test_haproxy_finds_all_that_its_configuration_names(
    root: Path, spec: dict[str, Any], cluster: Cluster
) -> None:
    environment = {
        entry["name"]: entry.get("value", "10.0.0.1") for entry in spec["initContainers"][0]["env"]
    }
    verdicts: dict[str, bool] = {}
    keeper = pod.keeper(read_settings(environment), NoHAProxy(), verdicts.__setitem__, lambda *_: None)
    assert not keeper.started
    keeper.step()
    assert keeper.started
    secrets = ("shop-tls", "b.example", "clients", names.frontend_tickets(cluster.name))
    assert verdicts == dict.fromkeys(secrets, True)
    named = set(re.findall(r"/run/haproxy-tls/\S+", haproxy_cfg.render(cluster).replace(str(root), "")))
    assert len(named) == 3
    for path in named:
        assert (root / path.lstrip("/")).read_text()
    listed = (root / "run/haproxy-tls/certificates.list").read_text().split()
    assert [Path(path).name for path in listed] == ["shop-tls.pem", "b.example.pem"]
    assert all(Path(path).read_text().count("PRIVATE KEY-----") == 2 for path in listed)
