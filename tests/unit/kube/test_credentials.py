from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from kubernetes import config

from pba_operator.kube import credentials
from pba_operator.kube.credentials import TokenFile, load


def _kubeconfig(path: Path, server: str, **user: str) -> Path:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_replaced_token_is_used_from_the_next_request_on(tmp_path: Path) -> None:
    old, new, link = tmp_path / "old", tmp_path / "new", tmp_path / "token"
    old.write_text("first\n")
    new.write_text("second\n")
    link.symlink_to(old)
    token = TokenFile(link)
    assert token() == "Bearer first"
    assert token() == "Bearer first"
    link.unlink()
    link.symlink_to(new)
    assert token() == "Bearer second"
    new.write_text("third")
    os.utime(new, (1, 1))
    assert token() == "Bearer third"


def test_a_kubeconfig_with_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _kubeconfig(tmp_path / "config", "http://api:8080", token="secret")
    monkeypatch.setenv("KUBECONFIG", str(path))
    found = load()
    assert found.server == "http://api:8080"
    assert found.tls is None
    assert found.authorization() == "Bearer secret"
    assert "secret" not in repr(found)


def test_a_kubeconfig_with_a_name_and_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _kubeconfig(tmp_path / "config", "https://api:6443", username="me", password="pw")
    monkeypatch.setenv("KUBECONFIG", str(path))
    found = load()
    assert found.tls is not None
    assert found.tls.check_hostname
    assert found.authorization() == "Basic bWU6cHc="


def test_no_proof_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(_kubeconfig(tmp_path / "config", "http://api:8080")))
    assert load().authorization() is None


def test_a_certificate_that_is_not_checked_only_if_the_file_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _kubeconfig(tmp_path / "config", "https://api:6443")
    content = yaml.safe_load(path.read_text())
    content["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
    path.write_text(yaml.safe_dump(content))
    monkeypatch.setenv("KUBECONFIG", str(path))
    found = load()
    assert found.tls is not None
    assert not found.tls.check_hostname


def test_in_a_pod_the_service_account_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / "token"
    token.write_text("sa")

    def in_cluster(configuration: object) -> None:
        configuration.host = "http://10.96.0.1:443"  # type: ignore[attr-defined]

    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setattr(config, "load_incluster_config", in_cluster)
    monkeypatch.setattr(credentials, "SERVICE_TOKEN_FILENAME", str(token))
    found = load()
    assert found.server == "http://10.96.0.1:443"
    assert found.authorization() == "Bearer sa"


def test_nothing_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(config.ConfigException):
        load()
