"""TLS in the frontend's manifests: what is mounted where, what the configuration says, and which Secrets hold it up."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from pba_lab.shop import shop
from pba_lab.tls import Authority

from pba_api.conditions import ConditionType
from pba_operator.domain import service
from pba_operator.domain.frontend import SyncImage, haproxy_cfg, manifests, problems, references
from pba_operator.domain.model import ChildId, Cluster, Manifest, Observed
from pba_operator.domain.plan import plan

SYNC = SyncImage("localhost/pba-sync:1", "Never")
TLS: dict[str, Any] = {"secretRefs": [{"name": "shop-tls"}, {"name": "other"}]}
CLIENTS = {"clientCASecretRef": {"name": "clients"}, "redirect": True}
ISSUER = Authority("a test's CA")


def cluster(**tls: Any) -> Cluster:
    return shop("default", {"tls": {**TLS, **tls}}, affinity={})


PLAIN = shop("default", affinity={})


def secret(**texts: str) -> Manifest:
    data = {name.replace("_", "."): base64.b64encode(text.encode()).decode() for name, text in texts.items()}
    return {"data": data}


def pair(**life: Any) -> Manifest:
    made = ISSUER.issue("shop.example", **life)
    return secret(tls_crt=made.certificate, tls_key=made.key)


def observed(**changed: Manifest | None) -> Observed:
    found = {"shop-tls": pair(), "other": pair(), "clients": secret(ca_crt=ISSUER.certificate)}
    return Observed(references={ChildId("Secret", name): live for name, live in {**found, **changed}.items()})


def deployment(wanted: Cluster, seen: Observed | None = None) -> dict[str, Any]:
    made = {one["kind"]: one for one in manifests(wanted, seen or observed(), SYNC)}
    spec: dict[str, Any] = made["Deployment"]["spec"]["template"]["spec"]
    return spec


def mounts(container: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    return {one["name"]: (one["mountPath"], one.get("readOnly", False)) for one in container["volumeMounts"]}


def test_private_keys_are_mounted_in_the_sidecar_alone() -> None:
    spec = deployment(cluster(**CLIENTS))
    (sidecar,), (haproxy,) = spec["initContainers"], spec["containers"]
    assert mounts(sidecar).items() >= {
        ("tls-0", ("/etc/pba-tls/secrets/shop-tls", True)),
        ("tls-1", ("/etc/pba-tls/secrets/other", True)),
        ("client-ca", ("/etc/pba-tls/client-ca", True)),
        ("tickets", ("/etc/pba-tls/tickets", True)),
        ("tls", ("/run/haproxy-tls", False)),
    }
    assert mounts(haproxy).keys() == {"config", "runtime", "tls"}
    assert mounts(haproxy)["tls"] == ("/run/haproxy-tls", True)
    by_name = {volume["name"]: volume for volume in spec["volumes"]}
    assert by_name["tls"]["emptyDir"]["medium"] == "Memory", "no key gets onto a disk"
    assert by_name["tls-1"]["secret"] == {
        "secretName": "other",
        "items": [{"key": "tls.crt", "path": "tls.crt"}, {"key": "tls.key", "path": "tls.key"}],
    }
    assert by_name["client-ca"]["secret"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}]


def test_haproxy_is_started_once_it_has_what_it_reads() -> None:
    (sidecar,) = deployment(cluster())["initContainers"]
    assert sidecar["startupProbe"]["httpGet"] == {"path": "/started", "port": 8404}
    environment = {one["name"]: one.get("value") for one in sidecar["env"]}
    assert (environment["PBA_TLS_SECRETS"], environment["PBA_CLIENT_CA_SECRET"]) == ("shop-tls,other", "")


def test_without_tls_nothing_of_it_is_there() -> None:
    spec = deployment(PLAIN)
    assert "startupProbe" not in spec["initContainers"][0]
    assert "tls" not in json.dumps([spec["volumes"], spec["containers"]]).lower()
    lines = haproxy_cfg.render(PLAIN).replace("ssl_fc,iif(https,http)", "").splitlines()
    assert not [line for line in lines if "ssl" in line and "del-header" not in line]
    assert [port["port"] for port in service.manifest(PLAIN, Observed())["spec"]["ports"]] == [80]


def test_the_service_leads_to_the_port_for_tls() -> None:
    found = service.manifest(cluster(), Observed())["spec"]["ports"]
    assert found[1] == {"name": "https", "port": 443, "targetPort": "https", "protocol": "TCP"}
    names = {port["name"]: port["containerPort"] for port in deployment(cluster())["containers"][0]["ports"]}
    assert names == {"http": 8080, "https": 8443}


def test_a_renewed_certificate_replaces_no_pod() -> None:
    assert manifests(cluster(), observed(), SYNC) == manifests(cluster(), observed(), SYNC)
    assert observed() != observed(), "each has certificates of its own"


def test_other_authorities_of_clients_replace_the_pods() -> None:
    """HAProxy 3.0.11 takes them in at its start only."""

    def digest(seen: Observed) -> Any:
        made = {one["kind"]: one for one in manifests(cluster(**CLIENTS), seen, SYNC)}
        return made["Deployment"]["spec"]["template"]["metadata"]["annotations"]

    assert digest(observed()) == digest(observed())
    assert digest(observed()) != digest(observed(clients=secret(ca_crt=Authority("another").certificate)))


def lines(**tls: Any) -> list[str]:
    return [line.strip() for line in haproxy_cfg.render(cluster(**tls)).splitlines()]


def test_the_configuration_reads_as_if_written_by_hand() -> None:
    proxied = shop("default", {"trustedProxyCIDRs": ["10.0.0.0/8"], "proxyProtocol": "Accept"})
    for wanted in (PLAIN, cluster(), cluster(hstsSeconds=60, **CLIENTS), proxied):
        text = haproxy_cfg.render(wanted)
        assert "\0" not in text
        assert not [line for line in text.splitlines() if line != line.rstrip() or line.startswith("$")]


@pytest.mark.parametrize(
    ("tls", "line"),
    [
        ({}, "ssl-default-bind-options ssl-min-ver TLSv1.2 prefer-client-ciphers"),
        (
            {},
            (
                "bind :8443 ssl crt-list /run/haproxy-tls/certificates.list alpn h2,http/1.1 "
                "tls-ticket-keys /run/haproxy-tls/ticket-keys"
            ),
        ),
        ({}, "http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]"),
        ({}, "http-request del-header ^x[^a-z0-9]ssl[^a-z0-9]client -m reg"),
        (
            {"hstsSeconds": 300},
            (
                "http-after-response set-header Strict-Transport-Security max-age=300 "
                "if { ssl_fc } || { var(txn.came_by_tls) -m bool }"
            ),
        ),
    ],
)
def test_what_was_decided_stands_in_it(tls: dict[str, Any], line: str) -> None:
    assert line in lines(**tls)


def test_what_was_not_asked_for_does_not_stand_in_it() -> None:
    text = "\n".join(lines())
    assert "Strict-Transport-Security" not in text
    assert "redirect" not in text.replace("option redispatch", "")
    assert "verify" not in text


def test_clients_certificates_are_required_wherever_tls_is_spoken() -> None:
    listeners = [line for line in lines(**CLIENTS) if line.startswith("bind ") and " ssl " in line]
    assert len(listeners) == 2
    assert all(line.endswith("ca-file /run/haproxy-tls/client-ca.crt verify required") for line in listeners)


def test_the_users_secrets_are_looked_at() -> None:
    wanted = cluster(**CLIENTS)
    assert references(wanted.spec) == tuple(
        ChildId("Secret", name) for name in ("shop-tls", "other", "clients")
    )
    assert references(PLAIN.spec) == ()
    assert problems(wanted, observed()) == []


OTHERS_KEY = secret(
    tls_crt=ISSUER.issue("shop.example").certificate, tls_key=ISSUER.issue("shop.example").key
)
LONG = secret(
    tls_crt="".join(ISSUER.issue("shop.example").certificate for _ in range(40)),
    tls_key=ISSUER.issue("shop.example").key,
)
BROKEN: dict[str, tuple[str, Manifest | None, str, str]] = {
    "missing": ("other", None, "SecretMissing", "does not exist in this namespace: create it"),
    "no key": ("other", secret(tls_crt="x"), "SecretKeyMissing", '"tls.key"'),
    "empty": ("other", {}, "SecretKeyMissing", '"tls.crt"'),
    "no PEM": ("other", secret(tls_crt="x", tls_key="y"), "SecretInvalid", "no certificate in PEM"),
    "no key in PEM": (
        "other",
        secret(tls_crt=ISSUER.certificate, tls_key="y"),
        "SecretInvalid",
        "no private key in PEM",
    ),
    "another's key": ("other", OTHERS_KEY, "SecretInvalid", "a key that is not the certificate's"),
    "no text": ("other", {"data": {"tls.crt": "/w==", "tls.key": "?"}}, "SecretInvalid", "no certificate"),
    "too long": ("other", LONG, "SecretInvalid", "more than 15000 bytes"),
    "no CA": ("clients", secret(ca_crt="x"), "SecretInvalid", "no certificate in PEM"),
    "CA's key": ("clients", secret(tls_crt=ISSUER.certificate), "SecretKeyMissing", '"ca.crt"'),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_secret_is_told_and_no_frontend_is_made_or_replaced(how: str) -> None:
    name, live, reason, words = BROKEN[how]
    wanted, seen = cluster(**CLIENTS), observed(**{name: live})
    (problem,) = problems(wanted, seen)
    assert (problem.part, problem.reason, problem.stalled) == (ConditionType.FRONTEND, reason, True)
    assert words in problem.message
    assert f'"{name}"' in problem.message
    made = {(one["kind"], one["metadata"]["name"]) for one in manifests(wanted, seen, SYNC)}
    assert not made & {("Deployment", "shop-frontend"), ("ConfigMap", "shop-frontend")}
    assert plan(wanted, seen, SYNC).requeue_after == 15.0


def test_an_expired_certificate_holds_nothing_up() -> None:
    """The plan knows no time; the sidecar tells when a certificate expires."""
    assert problems(cluster(), observed(other=pair(life=timedelta(days=-1)))) == []
