from __future__ import annotations

from pathlib import Path

import pytest

from pba_sync.haproxy.affinity import Affinity
from pba_sync.haproxy.commands import Check
from pba_sync.judging.limits import Limits
from pba_sync.settings import Settings, SettingsError, read_settings

GIVEN = {
    "PBA_NAMESPACE": "default",
    "PBA_SERVICES": "shop-backend,shop-management",
    "PBA_PORT_NAME": "web",
    "PBA_NODES_CONFIG_MAP": "shop-nodes",
    "PBA_DRAIN_SECONDS": "1.5",
    "PBA_LEAVE_SECONDS": "7",
    "PBA_SLOW_START_SECONDS": "3",
    "PBA_LATE_PERCENT": "150",
    "PBA_LATE_MILLISECONDS": "40",
    "PBA_TRIAL_PERIOD_SECONDS": "10",
    "PBA_MAX_OUT_PERCENT": "25",
    "PBA_REQUESTS_PER_NODE": "90",
    "PBA_REQUESTS_PER_CLIENT": "50",
    "PBA_FRONTEND_SERVICE": "shop",
    "PBA_FRONTEND_PREFIX": "shop-frontend-",
    "PBA_CHECK_INTERVAL_MILLISECONDS": "700",
    "PBA_CHECK_FALL": "3",
    "PBA_CHECK_RISE": "4",
    "PBA_AFFINITY": "Cookie",
    "PBA_IDENTITY_KEY": "k",
    "PBA_KEEP_SECONDS": "0.5",
    "PBA_MANAGEMENT_PREFIX": "shop-management-",
    "PBA_MANAGEMENT_KEEP_SECONDS": "0.1",
    "PBA_LEAVE_SLOW_MILLISECONDS": "250",
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
        services=("shop-backend", "shop-management"),
        port_name="web",
        nodes_config_map="shop-nodes",
        drain_seconds=1.5,
        leave_seconds=7.0,
        limits=Limits(
            band=1.5, gap_milliseconds=40.0, first_rest=5.0, longest_rest=10.0, rise=3.0, out_share=0.25
        ),
        requests_per_node=90,
        requests_per_client=50,
        frontend_service="shop",
        frontend_prefix="shop-frontend-",
        own_addresses=frozenset({"10.0.0.1"}),
        check=Check(interval_milliseconds=700, fall=3, rise=4),
        affinity=Affinity("Cookie", "k", 0.5, "shop-management-", 0.1, 250.0),
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
@pytest.mark.parametrize(
    "name", ["PBA_DRAIN_SECONDS", "PBA_LATE_PERCENT", "PBA_KEEP_SECONDS", "PBA_HTTP_PORT"]
)
def test_a_number_is_one(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({**GIVEN, **MAY_BE_EMPTY, name: text})


@pytest.mark.parametrize("text", ["0.5", "inf", "2.5", "-1"])
def test_a_limit_that_may_be_off_is_a_whole_number(text: str) -> None:
    with pytest.raises(SettingsError, match="PBA_REQUESTS_PER_CLIENT must "):
        read_settings({**GIVEN, **MAY_BE_EMPTY, "PBA_REQUESTS_PER_CLIENT": text})


@pytest.mark.parametrize("text", ["0", "0.5", "inf", "65536"])
def test_a_port_is_one(text: str) -> None:
    with pytest.raises(SettingsError, match="PBA_HTTP_PORT must be a whole number from 1 to 65535"):
        read_settings({**GIVEN, **MAY_BE_EMPTY, "PBA_HTTP_PORT": text})


@pytest.mark.parametrize("text", ["0", "0.5", "inf", "2.5"])
@pytest.mark.parametrize("name", ["PBA_CHECK_FALL", "PBA_CHECK_RISE", "PBA_REQUESTS_PER_NODE"])
def test_a_count_is_a_whole_number_and_at_least_one(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({**GIVEN, name: text})


@pytest.mark.parametrize("text", ["cookie", "Source"])
def test_a_type_of_affinity_is_one_of_those_that_there_are(text: str) -> None:
    with pytest.raises(SettingsError, match="PBA_AFFINITY must be one of Cookie, ClientIP, None"):
        read_settings({**GIVEN, "PBA_AFFINITY": text})


@pytest.mark.parametrize(
    ("addresses", "listen"),
    [("10.0.0.1", "0.0.0.0"), ("10.0.0.1,fd00::1", "::"), ("fd00::1", "::")],  # noqa: S104
)
def test_ipv6_is_listened_on_where_the_pod_has_it(addresses: str, listen: str) -> None:
    assert read_settings({**GIVEN, **MAY_BE_EMPTY, "PBA_POD_IPS": addresses}).listen == listen
