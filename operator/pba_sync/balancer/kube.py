"""EndpointSlices from the API server, with pykube-ng, and around its traps.

What must stay true: every request has a time limit; a watch ends by itself (`timeoutSeconds`), so that
silence is told from death; an `ERROR` event is an error and no object; the token is read again whenever the
kubelet has rotated it, and after a 401.

pykube-ng 23.6 (read in its source): the default time limit of 10 s is also the read limit of a watch; `ERROR`
events come as ordinary objects; the service account's token is read once, when the configuration is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import pykube  # type: ignore[import-untyped]
import requests

from pba_sync.balancer.errors import (
    AccessRefusedError,
    ApiUnavailableError,
    KubernetesError,
    ViewExpiredError,
)
from pba_sync.balancer.membership import Endpoint, read_slice

CONNECT_SECONDS = 3.05
LIST_SECONDS = 10.0
WATCH_SECONDS = 30
"""How long a watch lasts before the next goes on from its end: the longest silence of one that lives."""
WATCH_GRACE_SECONDS = 5.0

SERVICE_LABEL = "kubernetes.io/service-name"


class EndpointSlice(pykube.objects.NamespacedAPIObject):  # type: ignore[misc] # pykube has no types
    """`discovery.k8s.io/v1` EndpointSlice: pykube does not know it."""

    version = "discovery.k8s.io/v1"
    endpoint = "endpointslices"
    kind = "EndpointSlice"


@dataclass(frozen=True, slots=True)
class Listing:
    """All slices at one resource version: their endpoints by the slice's name."""

    resource_version: str
    slices: dict[str, tuple[Endpoint, ...]]


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a watch; `endpoints` is None if the slice was deleted, `name` is empty for a bookmark."""

    resource_version: str
    name: str = ""
    endpoints: tuple[Endpoint, ...] | None = None


class Slices(Protocol):
    """Where the slices of the nodes' Services come from."""

    def list(self) -> Listing:
        """Return all slices, read live."""

    def watch(self, resource_version: str) -> Iterator[Event]:
        """Yield what changes after `resource_version`, until the watch ends by itself."""


def _error(status: int, message: str) -> KubernetesError:
    if status == HTTPStatus.GONE:
        return ViewExpiredError(message)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return AccessRefusedError(f"the API server refuses to show EndpointSlices ({status}): {message}")
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


class KubernetesSlices:
    """The slices of some Services of one namespace, read from the API server."""

    def __init__(
        self,
        configure: Callable[[], pykube.KubeConfig],
        namespace: str,
        services: Sequence[str],
        port_name: str,
    ) -> None:
        """Read the slices of `services`.

        Args:
            configure: makes the client's configuration from what lies on disk now.
            namespace: the Services' namespace.
            services: the Services' names.
            port_name: the name of the port that the nodes serve on.
        """
        self._configure = configure
        self._namespace = namespace
        self._services = frozenset(services)
        self._port_name = port_name

    def _query(self, read_seconds: float) -> Any:
        """Return the query of our slices, on a client of its own: so the token is never an old one."""
        with _translated():
            client = pykube.HTTPClient(self._configure(), timeout=(CONNECT_SECONDS, read_seconds))
            return EndpointSlice.objects(client).filter(
                namespace=self._namespace, selector={f"{SERVICE_LABEL}__in": self._services}
            )

    def list(self) -> Listing:
        """Return all slices, read live (no resource version is asked for, so no cache answers).

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
            slices={
                raw["metadata"]["name"]: read_slice(raw, self._port_name) for raw in answer.get("items") or []
            },
        )

    def watch(self, resource_version: str) -> Iterator[Event]:
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

    def _read(self, kind: str, raw: dict[str, Any]) -> Event:
        if kind == "ERROR":
            raise _error(int(raw.get("code") or 0), str(raw.get("message", "")))
        version = raw["metadata"]["resourceVersion"]
        if kind == "BOOKMARK":
            return Event(version)
        name = raw["metadata"]["name"]
        return Event(version, name, None if kind == "DELETED" else read_slice(raw, self._port_name))
