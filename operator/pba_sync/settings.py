"""The sidecar's settings, from its environment.

What must stay true: none has a default. The operator sets them all (`pba_api.sidecar`), and one that got lost on the
way must not be replaced by a guess that happens to work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pba_api import sidecar


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
    tls_secrets: tuple[str, ...]
    """The Secrets with certificates, the default one first; empty: no TLS."""
    client_ca_secret: str
    """The Secret with the authority of clients' certificates; empty: they are not asked for."""


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise SettingsError(
            f"the environment variable {name} is not set: the operator sets it in the frontend's pods"
        )
    return value


def _given(environment: Mapping[str, str], name: str) -> str:
    """Return a variable that may be empty, but must be there."""
    if name not in environment:
        _required(environment, name)
    return environment[name]


def _number(environment: Mapping[str, str], name: str) -> float:
    text = _required(environment, name)
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
        namespace=_required(environment, sidecar.ENV_NAMESPACE),
        service=_required(environment, sidecar.ENV_BACKEND_SERVICE),
        port_name=_required(environment, sidecar.ENV_BACKEND_PORT_NAME),
        drain_seconds=_number(environment, sidecar.ENV_DRAIN_SECONDS),
        socket=Path(_required(environment, sidecar.ENV_HAPROXY_SOCKET)),
        token_folder=Path(_required(environment, sidecar.ENV_TOKEN_FOLDER)),
        listen="::" if ":" in _required(environment, sidecar.ENV_POD_IPS) else "0.0.0.0",  # noqa: S104 - the kubelet probes it
        http_port=int(_number(environment, sidecar.ENV_HTTP_PORT)),
        tls_secrets=tuple(name for name in _given(environment, sidecar.ENV_TLS_SECRETS).split(",") if name),
        client_ca_secret=_given(environment, sidecar.ENV_CLIENT_CA_SECRET),
    )
