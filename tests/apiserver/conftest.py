"""A real API server for the tests of this tier: one for the whole run, a fresh namespace for each test."""

import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "hack"))

from pba_hack.apiserver import ApiServer, running  # noqa: E402 - hack/ is no part of the wheel
from pba_hack.binaries import binary  # noqa: E402

APPLY = "application/apply-patch+yaml"
CRD_SECONDS = 30.0
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """etcd and an API server on free loopback ports, with an administrator's token and an audit log."""
    with running(binary("kubernetes"), tmp_path_factory.mktemp("apiserver")) as server:
        yield server


@pytest.fixture(scope="session")
def crd(api_server: ApiServer) -> str:
    """The CRD, installed and served; its name."""
    name = "pbaclusters.pba.dev"
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
    manifest = (ROOT / "crds" / "pba.dev_pbaclusters.yaml").read_bytes()
    applied = api_server.request("PATCH", path, manifest, APPLY, fieldManager="tests", force="true")
    assert applied.ok, applied.data.decode()
    deadline = time.monotonic() + CRD_SECONDS
    while not api_server.request("GET", "/apis/pba.dev/v1alpha1/pbaclusters").ok:
        assert time.monotonic() < deadline, api_server.request("GET", path).data.decode()
        time.sleep(0.05)
    return name


@pytest.fixture
def namespace(api_server: ApiServer) -> str:
    """A fresh namespace; nothing here would ever finish deleting it, so it stays until the server ends."""
    name = f"test-{next(_numbers)}"
    made = api_server.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert made.ok, made.data.decode()
    return name
