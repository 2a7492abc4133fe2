"""The PBACluster's spec as frozen dataclasses: the one source of the CRD's schema, defaults and bounds.

The CRD is generated from these types (`hack/generate`), so a field's default, bounds and description stand
here and nowhere else. A field appears here together with the code that obeys it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
"""A JSON object whose shape is Kubernetes' own (an affinity, an environment variable, a volume)."""


@dataclass(frozen=True)
class PodSettings:
    """How the pods of one role are placed and sized: the same type in every role (`pod`)."""

    resources: Json
    node_selector: Mapping[str, str]
    tolerations: tuple[Json, ...]
    affinity: Json
    topology_spread_constraints: tuple[Json, ...]
    priority_class_name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True)
class ChildMetadata:
    """Labels and annotations for every child; never part of a selector."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True)
class LocalReference:
    """The name of an object in the PBACluster's namespace."""

    name: str


@dataclass(frozen=True)
class KeyReference:
    """One key of a Secret or ConfigMap in the PBACluster's namespace."""

    name: str
    key: str


@dataclass(frozen=True)
class EnvNames:
    """The names of the environment variables in which the application finds its database."""

    host: str
    port: str
    database: str
    user: str
    password: str
    ca_file: str


@dataclass(frozen=True)
class ConfigFile:
    """A file rendered from a template in a ConfigMap; `${host}` and its like are filled in."""

    path: str
    template_ref: KeyReference


@dataclass(frozen=True)
class Probe:
    """An HTTP probe of the application."""

    path: str
    period_seconds: int
    timeout_seconds: int
    failure_threshold: int


@dataclass(frozen=True)
class Probes:
    """The application's three probes."""

    startup: Probe
    readiness: Probe
    liveness: Probe


@dataclass(frozen=True)
class Application:
    """The web application: its image and the few facts about it that we need."""

    image: str
    image_pull_policy: str
    command: tuple[str, ...]
    args: tuple[str, ...]
    port: int
    env: tuple[Json, ...]
    env_from: tuple[Json, ...]
    env_names: EnvNames
    config_files: tuple[ConfigFile, ...]
    probes: Probes
    termination_grace_period_seconds: int
    pod_security_context: Json
    security_context: Json
    volumes: tuple[Json, ...]
    volume_mounts: tuple[Json, ...]


@dataclass(frozen=True)
class Management:
    """The management node: the original container, one replica."""

    pod: PodSettings


@dataclass(frozen=True)
class Storage:
    """A volume's size (a Kubernetes quantity) and class (empty: the cluster's default class)."""

    size: str
    storage_class_name: str


@dataclass(frozen=True)
class DatabaseUser:
    """The application's MySQL account; without `password_secret_ref` its password is generated."""

    name: str
    password_secret_ref: KeyReference | None


@dataclass(frozen=True)
class Database:
    """The MySQL server."""

    image: str
    name: str
    user: DatabaseUser
    storage: Storage
    config: Mapping[str, str]
    pod: PodSettings


@dataclass(frozen=True)
class Rollout:
    """How a change is rolled out over the backend nodes (as in a Deployment: numbers or percentages)."""

    max_surge: int | str
    max_unavailable: int | str


@dataclass(frozen=True)
class Backend:
    """The backend nodes: clones of the application."""

    replicas: int
    rollout: Rollout
    drain_timeout_seconds: int
    pod: PodSettings


@dataclass(frozen=True)
class Frontend:
    """The frontend nodes: HAProxy and the sync sidecar."""

    image: str
    replicas: int
    pod: PodSettings


@dataclass(frozen=True)
class ServiceSettings:
    """The clients' one address."""

    type: str
    load_balancer_class: str
    load_balancer_source_ranges: tuple[str, ...]
    external_traffic_policy: str
    ip_family_policy: str
    annotations: Mapping[str, str]


@dataclass(frozen=True)
class PBAClusterSpec:
    """What a user asks for."""

    paused: bool
    deletion_policy: str
    image_pull_secrets: tuple[LocalReference, ...]
    child_metadata: ChildMetadata
    application: Application
    management: Management
    database: Database
    backend: Backend | None
    frontend: Frontend | None
    service: ServiceSettings
