from __future__ import annotations

import pytest

from pba_sync.settings import SettingsError, read_settings

LEAST = {"PBA_NAMESPACE": "default", "PBA_BACKEND_SERVICE": "shop-backend"}


def test_the_operator_needs_to_say_little() -> None:
    settings = read_settings(LEAST)
    assert (settings.namespace, settings.service, settings.port_name) == ("default", "shop-backend", "http")
    assert (settings.drain_seconds, settings.http_port) == (30, 8404)
    assert str(settings.socket) == "/run/haproxy/admin.sock"


@pytest.mark.parametrize("missing", LEAST)
def test_what_is_missing_is_named(missing: str) -> None:
    with pytest.raises(SettingsError, match=missing):
        read_settings({**LEAST, missing: ""})


@pytest.mark.parametrize("text", ["soon", "-1", "nan", ""])
def test_a_number_is_one(text: str) -> None:
    with pytest.raises(SettingsError, match="PBA_DRAIN_SECONDS"):
        read_settings({**LEAST, "PBA_DRAIN_SECONDS": text})


@pytest.mark.parametrize(
    ("addresses", "listen"),
    [("10.0.0.1", "0.0.0.0"), ("10.0.0.1,fd00::1", "::"), ("fd00::1", "::")],  # noqa: S104
)
def test_ipv6_is_listened_on_where_the_pod_has_it(addresses: str, listen: str) -> None:
    assert read_settings({**LEAST, "PBA_POD_IPS": addresses}).listen == listen
