"""What the sidecar follows at the API server, with pykube-ng, and around its traps.

What must stay true: every request has a time limit; a watch ends by itself (`timeoutSeconds`), so that
silence is told from death; an `ERROR` event is an error and no object; the token is read again whenever the
kubelet has rotated it, and after a 401.

pykube-ng 23.6 (read in its source): the default time limit of 10 s is also the read limit of a watch; `ERROR`
events come as ordinary objects; the service account's token is read once, when the configuration is made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic, TypeVar

import pykube  # type: ignore[import-untyped]
import requests

from pba_sync.watching.errors import (
    AccessRefusedError,
    ApiUnavailableError,
    KubernetesError,
    ViewExpiredError,
)
from pba_sync.watching.external import Declared, read_declared
from pba_sync.watching.membership import Endpoint, read_slice

CONNECT_SECONDS = 3.05
"""A bit more than three, after which TCP sends a lost packet again, as the manual of `requests` recommends."""
LIST_SECONDS = 10.0
"""The longest silence of the API server while it answers a list."""
WATCH_SECONDS = 30
"""How long a watch lasts before the next goes on from its end: the longest silence of one that lives."""
WATCH_GRACE_SECONDS = 5.0
"""By so much the end of a watch may be late."""

SERVICE_LABEL = "kubernetes.io/service-name"


class EndpointSlice(pykube.objects.NamespacedAPIObject):  # type: ignore[misc] # pykube has no types
    """`discovery.k8s.io/v1` EndpointSlice: pykube does not know it."""

    version = "discovery.k8s.io/v1"
    endpoint = "endpointslices"
    kind = "EndpointSlice"


Record = TypeVar("Record")
"""What concerns us of one object, such as the endpoints of a slice."""


@dataclass(frozen=True)
class Listing(Generic[Record]):
    """All objects at one resource version: what concerns us of them, by their names."""

    resource_version: str
    records: dict[str, Record]


@dataclass(frozen=True)
class Event(Generic[Record]):
    """One event of a watch; `record` is None if the object was deleted, `name` is empty for a bookmark."""

    resource_version: str
    name: str = ""
    record: Record | None = None


def _error(status: int, message: str) -> KubernetesError:
    """Return what an answer of the API server's means; the message names what was asked for."""
    if status == HTTPStatus.GONE:
        return ViewExpiredError(message)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return AccessRefusedError(f"the API server refuses ({status}): {message}")
    return ApiUnavailableError(f"the API server answered {status}: {message}")


class _translated:  # noqa: N801 - reads as a statement: `with _translated():`
    """Turn what pykube and requests raise into our errors."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, pykube.exceptions.HTTPError):
            raise _error(error.code, str(error)) from error
        if isinstance(error, requests.HTTPError) and error.response is not None:
            raise _error(error.response.status_code, str(error)) from error
        # ValueError: half a line of JSON, where the server died within an event.
        if isinstance(error, requests.RequestException | OSError | ValueError):
            raise ApiUnavailableError(f"no answer from the API server: {error}") from error


class Followed(Generic[Record]):
    """Objects of one kind and namespace, chosen by a selector, as the API server tells them."""

    def __init__(
        self,
        configure: Callable[[], pykube.KubeConfig],
        kind: type[pykube.objects.NamespacedAPIObject],
        chosen: Mapping[str, object],
        read: Callable[[dict[str, Any]], Record],
    ) -> None:
        """Follow objects.

        Args:
            configure: makes the client's configuration from what lies on disk now.
            kind: pykube's class of the objects.
            chosen: pykube's filter: namespace and selectors.
            read: takes from an object, as JSON, what concerns us.
        """
        self._configure = configure
        self._kind = kind
        self._chosen = chosen
        self._record = read

    def _query(self, read_seconds: float) -> Any:
        """Return the query of our objects, on a client of its own: so the token is never an old one."""
        try:
            config = self._configure()
        except OSError as error:
            raise AccessRefusedError(f"the token of our account cannot be read: {error}") from error
        with _translated():
            client = pykube.HTTPClient(config, timeout=(CONNECT_SECONDS, read_seconds))
            return self._kind.objects(client).filter(**self._chosen)

    def list(self) -> Listing[Record]:
        """Return all objects, read live (no resource version is asked for, so no cache answers).

        Raises:
            KubernetesError: the API server did not answer, or refused.
        """
        query = self._query(LIST_SECONDS)
        try:
            with _translated():
                answer = query.execute().json()
        finally:
            query.api.session.close()
        return Listing(
            resource_version=answer["metadata"]["resourceVersion"],
            records={raw["metadata"]["name"]: self._record(raw) for raw in answer.get("items") or []},
        )

    def watch(self, resource_version: str) -> Iterator[Event[Record]]:
        """Yield what changes after `resource_version`, until the watch ends by itself.

        Raises:
            ViewExpiredError: list again.
            KubernetesError: the API server did not answer, or refused.
        """
        query = self._query(WATCH_SECONDS + WATCH_GRACE_SECONDS)
        params = {"timeoutSeconds": WATCH_SECONDS, "allowWatchBookmarks": "true"}
        try:
            with _translated():
                for event in query.watch(since=resource_version, params=params):
                    yield self._read(event.type, event.object.obj)
        finally:
            query.api.session.close()

    def _read(self, kind: str, raw: dict[str, Any]) -> Event[Record]:
        if kind == "ERROR":
            raise _error(int(raw.get("code") or 0), str(raw.get("message", "")))
        version = raw["metadata"]["resourceVersion"]
        if kind == "BOOKMARK":
            return Event(version)
        name = raw["metadata"]["name"]
        return Event(version, name, None if kind == "DELETED" else self._record(raw))


def slices(
    configure: Callable[[], pykube.KubeConfig], namespace: str, services: Collection[str], port_name: str
) -> Followed[tuple[Endpoint, ...]]:
    """Return the EndpointSlices of some Services, each as its endpoints.

    Args:
        configure: makes the client's configuration from what lies on disk now.
        namespace: the Services' namespace.
        services: the Services' names.
        port_name: the name of the port that the nodes serve on.
    """
    chosen = {"namespace": namespace, "selector": {f"{SERVICE_LABEL}__in": frozenset(services)}}
    return Followed(configure, EndpointSlice, chosen, lambda raw: read_slice(raw, port_name))


def declaration(
    configure: Callable[[], pykube.KubeConfig], namespace: str, config_map: str
) -> Followed[Declared | None]:
    """Return the ConfigMap in which the operator declares nodes; None: it makes no sense.

    Args:
        configure: makes the client's configuration from what lies on disk now.
        namespace: the ConfigMap's namespace.
        config_map: its name; by a field selector, so that the right to follow this single one is enough.
    """
    chosen = {"namespace": namespace, "field_selector": {"metadata.name": config_map}}
    return Followed(configure, pykube.ConfigMap, chosen, read_declared)
