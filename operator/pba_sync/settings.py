"""The sidecar's settings, from its environment: everything else is constant, so that it can be tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pba_api import ports


class SettingsError(Exception):
    """A setting is missing or makes no sense; says which, and what is expected."""


@dataclass(frozen=True)
class Settings:
    """What the operator tells the sidecar of its cluster."""

    namespace: str
    service: str
    """The backends' selector Service, whose EndpointSlices are followed."""
    port_name: str
    drain_seconds: float
    socket: Path
    token_folder: Path
    listen: str
    http_port: int


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise SettingsError(
            f"the environment variable {name} is not set: the operator sets it in the frontend's pods"
        )
    return value


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, str(default))
    try:
        value = float(text)
    except ValueError:
        raise SettingsError(f"the environment variable {name} must be a number, not {text!r}") from None
    if not value >= 0:
        raise SettingsError(f"the environment variable {name} must not be negative: {text!r}")
    return value


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings.

    Raises:
        SettingsError: one is missing or makes no sense.
    """
    return Settings(
        namespace=_required(environment, "PBA_NAMESPACE"),
        service=_required(environment, "PBA_BACKEND_SERVICE"),
        port_name=environment.get("PBA_BACKEND_PORT_NAME", "http"),
        drain_seconds=_number(environment, "PBA_DRAIN_SECONDS", 30),
        socket=Path(environment.get("PBA_HAPROXY_SOCKET", "/run/haproxy/admin.sock")),
        token_folder=Path(
            environment.get("PBA_TOKEN_FOLDER", "/var/run/secrets/kubernetes.io/serviceaccount")
        ),
        listen="::" if ":" in environment.get("PBA_POD_IPS", "") else "0.0.0.0",  # noqa: S104 - the kubelet probes it
        http_port=int(_number(environment, "PBA_HTTP_PORT", ports.SYNC_HTTP)),
    )
