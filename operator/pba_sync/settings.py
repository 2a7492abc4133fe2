"""The sidecar's settings, from its environment.

What must stay true: none has a default. The operator sets them all (`pba_api.sidecar`), and one that got lost on the
way must not be replaced by a guess that happens to work.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pba_api import sidecar
from pba_sync.haproxy.affinity import Affinity
from pba_sync.haproxy.commands import Check
from pba_sync.judging.limits import Limits


class SettingsError(Exception):
    """A setting is missing or makes no sense; says which, and what is expected."""


@dataclass(frozen=True)
class Settings:
    """What the operator tells the sidecar of its cluster."""

    namespace: str
    services: tuple[str, ...]
    """The nodes' selector Services, whose EndpointSlices are followed."""
    port_name: str
    nodes_config_map: str
    """The ConfigMap in which the operator declares nodes."""
    drain_seconds: float
    leave_seconds: float
    """How long this frontend accepts connections at least once it is to end."""
    limits: Limits
    """How nodes are judged."""
    check: Check
    affinity: Affinity
    requests_per_node: int
    requests_per_client: int
    """In a second, over all frontends; 0: any number."""
    frontend_service: str
    """The clients' Service, in whose EndpointSlices the frontends are."""
    frontend_prefix: str
    """How the names of the frontends' pods begin."""
    own_addresses: frozenset[str]
    socket: Path
    token_folder: Path
    listen: str
    http_port: int
    tls_secrets: tuple[str, ...]
    """The Secrets with certificates, the default one first; empty: no TLS."""
    client_ca_secret: str
    """The Secret with the authority of clients' certificates; empty: they are not asked for."""


def _missing(name: str) -> SettingsError:
    return SettingsError(
        f"the environment variable {name} is not set: the operator sets it in the frontend's pods"
    )


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise _missing(name)
    return value


def _one_of(environment: Mapping[str, str], name: str, words: Sequence[str]) -> str:
    value = _required(environment, name)
    if value not in words:
        raise SettingsError(
            f"the environment variable {name} must be one of {', '.join(words)}, not {value!r}"
        )
    return value


def _given(environment: Mapping[str, str], name: str) -> str:
    """Return a variable that may be empty, but must be there."""
    if name not in environment:
        raise _missing(name)
    return environment[name]


def _number(environment: Mapping[str, str], name: str) -> float:
    text = _required(environment, name)
    try:
        value = float(text)
    except ValueError:
        raise SettingsError(f"the environment variable {name} must be a number, not {text!r}") from None
    if not value >= 0:
        raise SettingsError(f"the environment variable {name} must not be negative, but is {text!r}")
    return value


def _limits(environment: Mapping[str, str]) -> Limits:
    longest_rest = _number(environment, sidecar.ENV_TRIAL_PERIOD_SECONDS)
    return Limits(
        band=_number(environment, sidecar.ENV_LATE_PERCENT) / 100,
        gap_milliseconds=_number(environment, sidecar.ENV_LATE_MILLISECONDS),
        first_rest=longest_rest / 2,
        longest_rest=longest_rest,
        rise=_number(environment, sidecar.ENV_SLOW_START_SECONDS),
        out_share=_number(environment, sidecar.ENV_MAX_OUT_PERCENT) / 100,
    )


def _count(environment: Mapping[str, str], name: str, least: int = 1, most: float = math.inf) -> int:
    value = _number(environment, name)
    if not least <= value <= most or not value.is_integer():
        upper = f"to {most}" if most < math.inf else "on"
        raise SettingsError(
            f"the environment variable {name} must be a whole number from {least} {upper}, not {environment[name]!r}"
        )
    return int(value)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings.

    Raises:
        SettingsError: one is missing or makes no sense.
    """
    return Settings(
        namespace=_required(environment, sidecar.ENV_NAMESPACE),
        services=tuple(_required(environment, sidecar.ENV_SERVICES).split(",")),
        port_name=_required(environment, sidecar.ENV_PORT_NAME),
        nodes_config_map=_required(environment, sidecar.ENV_NODES_CONFIG_MAP),
        drain_seconds=_number(environment, sidecar.ENV_DRAIN_SECONDS),
        leave_seconds=_number(environment, sidecar.ENV_LEAVE_SECONDS),
        limits=_limits(environment),
        check=Check(
            _count(environment, sidecar.ENV_CHECK_INTERVAL_MILLISECONDS),
            _count(environment, sidecar.ENV_CHECK_FALL),
            _count(environment, sidecar.ENV_CHECK_RISE),
        ),
        affinity=Affinity(
            type=_one_of(
                environment, sidecar.ENV_AFFINITY, (sidecar.COOKIE, sidecar.CLIENT_IP, sidecar.NO_AFFINITY)
            ),
            key=_required(environment, sidecar.ENV_IDENTITY_KEY),
            keep_seconds=_number(environment, sidecar.ENV_KEEP_SECONDS),
            management_prefix=_required(environment, sidecar.ENV_MANAGEMENT_PREFIX),
            management_keep_seconds=_number(environment, sidecar.ENV_MANAGEMENT_KEEP_SECONDS),
            leave_milliseconds=_number(environment, sidecar.ENV_LEAVE_SLOW_MILLISECONDS),
        ),
        requests_per_node=_count(environment, sidecar.ENV_REQUESTS_PER_NODE),
        requests_per_client=_count(environment, sidecar.ENV_REQUESTS_PER_CLIENT, least=0),
        frontend_service=_required(environment, sidecar.ENV_FRONTEND_SERVICE),
        frontend_prefix=_required(environment, sidecar.ENV_FRONTEND_PREFIX),
        own_addresses=frozenset(_required(environment, sidecar.ENV_POD_IPS).split(",")),
        socket=Path(_required(environment, sidecar.ENV_HAPROXY_SOCKET)),
        token_folder=Path(_required(environment, sidecar.ENV_TOKEN_FOLDER)),
        listen="::" if ":" in _required(environment, sidecar.ENV_POD_IPS) else "0.0.0.0",  # noqa: S104 - the kubelet probes it
        http_port=_count(environment, sidecar.ENV_HTTP_PORT, most=65535),
        tls_secrets=tuple(name for name in _given(environment, sidecar.ENV_TLS_SECRETS).split(",") if name),
        client_ca_secret=_given(environment, sidecar.ENV_CLIENT_CA_SECRET),
    )
