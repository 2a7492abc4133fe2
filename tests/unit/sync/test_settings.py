from __future__ import annotations

from pathlib import Path

import pytest

from pba_sync.settings import Settings, SettingsError, read_settings

GIVEN = {
    "PBA_NAMESPACE": "default",
    "PBA_BACKEND_SERVICE": "shop-backend",
    "PBA_BACKEND_PORT_NAME": "web",
    "PBA_DRAIN_SECONDS": "1.5",
    "PBA_HAPROXY_SOCKET": "/somewhere/admin.sock",
    "PBA_TOKEN_FOLDER": "/somewhere/token",
    "PBA_POD_IPS": "10.0.0.1",
    "PBA_HTTP_PORT": "8499",
}
"""What must be there, and hold something."""
MAY_BE_EMPTY = {"PBA_TLS_SECRETS": "", "PBA_CLIENT_CA_SECRET": ""}


def test_all_comes_from_the_environment() -> None:
    tls = {"PBA_TLS_SECRETS": "shop-tls,other", "PBA_CLIENT_CA_SECRET": "clients"}
    assert read_settings({**GIVEN, **tls}) == Settings(
        namespace="default",
        service="shop-backend",
        port_name="web",
        drain_seconds=1.5,
        socket=Path("/somewhere/admin.sock"),
        token_folder=Path("/somewhere/token"),
        listen="0.0.0.0",  # noqa: S104
        http_port=8499,
        tls_secrets=("shop-tls", "other"),
        client_ca_secret="clients",
    )


def test_without_tls_there_are_no_secrets() -> None:
    settings = read_settings({**GIVEN, **MAY_BE_EMPTY})
    assert (settings.tls_secrets, settings.client_ca_secret) == ((), "")


@pytest.mark.parametrize("missing", GIVEN)
@pytest.mark.parametrize("there", [True, False])
def test_what_is_missing_is_named(missing: str, there: bool) -> None:
    rest = {name: value for name, value in {**MAY_BE_EMPTY, **GIVEN}.items() if name != missing}
    with pytest.raises(SettingsError, match=missing):
        read_settings({**rest, missing: ""} if there else rest)


@pytest.mark.parametrize("missing", MAY_BE_EMPTY)
def test_what_may_be_empty_must_be_there(missing: str) -> None:
    rest = {name: value for name, value in {**MAY_BE_EMPTY, **GIVEN}.items() if name != missing}
    with pytest.raises(SettingsError, match=missing):
        read_settings(rest)


@pytest.mark.parametrize("text", ["soon", "-1", "nan"])
@pytest.mark.parametrize("name", ["PBA_DRAIN_SECONDS", "PBA_HTTP_PORT"])
def test_a_number_is_one(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({**GIVEN, **MAY_BE_EMPTY, name: text})


@pytest.mark.parametrize(
    ("addresses", "listen"),
    [("10.0.0.1", "0.0.0.0"), ("10.0.0.1,fd00::1", "::"), ("fd00::1", "::")],  # noqa: S104
)
def test_ipv6_is_listened_on_where_the_pod_has_it(addresses: str, listen: str) -> None:
    assert read_settings({**GIVEN, **MAY_BE_EMPTY, "PBA_POD_IPS": addresses}).listen == listen
