"""A thin client of the API server: plain JSON objects over one shared session.

What must stay true: every request has a time limit; nothing is retried here (only the engine knows whether it
still wants to); nothing is written by a process that may no longer act; an answer comes without
`managedFields`.

Why not a ready-made client: docs/adr/0003-the-operators-client.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, NamedTuple

import aiohttp
import orjson

from pba_api.identity import FIELD_MANAGER
from pba_operator.domain.model import Manifest
from pba_operator.kube import errors
from pba_operator.kube.body import encoded
from pba_operator.kube.kinds import Kind, of
from pba_operator.kube.page import PAGE_SIZE, Page

REQUEST_SECONDS: Final = 10.0
LIST_SECONDS: Final = 60.0
CONNECT_SECONDS: Final = 5.0

_JSON: Final = "application/json"
_APPLY: Final = "application/apply-patch+yaml"
_MERGE: Final = "application/merge-patch+json"
_METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class _Method(NamedTuple):
    """How a verb is carried out."""

    http: str
    writes: bool
    """Only a process that may act may do it."""


_METHODS: Final[Mapping[str, _Method]] = {
    "GET": _Method("GET", writes=False),
    "LIST": _Method("GET", writes=False),
    "APPLY": _Method("PATCH", writes=True),
    "CREATE": _Method("POST", writes=True),
    "UPDATE": _Method("PUT", writes=True),
    "PATCH": _Method("PATCH", writes=True),
    "DELETE": _Method("DELETE", writes=True),
}

Observer = Callable[[str, str, str], None]
"""Is told of each request: verb, kind, and the answer's code (or the error's name)."""


def _ignore(_verb: str, _kind: str, _code: str) -> None:
    """Observe nothing."""


def _allow() -> None:
    """Let every write pass."""


class Client:
    """Reads and writes objects of the kinds in `kinds`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        server: str,
        *,
        may_write: Callable[[], None] = _allow,
        observer: Observer = _ignore,
        seconds: float = REQUEST_SECONDS,
    ) -> None:
        """Make a client.

        Args:
            session: carries the credentials (`credentials.open_session`).
            server: the API server's URL.
            may_write: raises when this process must not write any more; called right before each write.
            observer: is told of each request.
            seconds: that a request may take, a listing apart.
        """
        self._session = session
        self._server = server.rstrip("/")
        self._may_write = may_write
        self._observer = observer
        self._seconds = seconds

    def check_may_write(self) -> None:
        """Make sure that this process may write: asked before each write here, and by whoever writes elsewhere.

        Raises:
            errors.Fenced: it may not.
        """
        self._may_write()

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        """Return an object as it is now (a quorum read)."""
        return await self._request("GET", kind, kind.path(namespace, name))

    async def pages(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        selector: str = "",
        fields: str = "",
        metadata_only: bool = False,
        limit: int = PAGE_SIZE,
    ) -> AsyncIterator[Page]:
        """Yield all objects of a kind, page by page, as they are now (a quorum read).

        Args:
            kind: what to list.
            namespace: where; empty: everywhere.
            selector: a label selector.
            fields: a field selector.
            metadata_only: leave out all but `metadata`.
            limit: objects in a page.

        Raises:
            errors.Gone: it took so long that the rest is no longer kept; begin again.
        """
        query = {"limit": str(limit)}
        if selector:
            query["labelSelector"] = selector
        if fields:
            query["fieldSelector"] = fields
        accept = _METADATA if metadata_only else _JSON
        while True:
            answer = await self._request(
                "LIST", kind, kind.path(namespace), query=query, accept=accept, timeout=LIST_SECONDS
            )
            metadata = answer.get("metadata", {})
            yield Page(
                (
                    {"apiVersion": kind.api_version, **item, "kind": kind.name}
                    for item in answer.get("items") or ()
                ),
                metadata.get("resourceVersion", ""),
            )
            token = metadata.get("continue")
            if not token:
                return
            query["continue"] = token

    async def apply(self, manifest: Manifest, *, subresource: str = "") -> Manifest:
        """Apply a manifest as ours: what it says is taken from whoever else manages it.

        With `metadata.uid` in it, it is applied to that very object or to none (`errors.Conflict`).
        """
        kind, metadata = of(manifest), manifest["metadata"]
        return await self._request(
            "APPLY",
            kind,
            kind.path(metadata["namespace"], metadata["name"], subresource),
            body=manifest,
            content_type=_APPLY,
            query={"fieldManager": FIELD_MANAGER, "force": "true"},
        )

    async def create(self, manifest: Manifest) -> Manifest:
        """Create an object that does not exist.

        Raises:
            errors.AlreadyExists: it does.
        """
        kind = of(manifest)
        path = kind.path(manifest["metadata"]["namespace"])
        return await self._request("CREATE", kind, path, body=manifest, query={"fieldManager": FIELD_MANAGER})

    async def replace(self, manifest: Manifest) -> Manifest:
        """Replace an object; with `metadata.resourceVersion` in it, only if nobody was faster."""
        kind, metadata = of(manifest), manifest["metadata"]
        path = kind.path(metadata["namespace"], metadata["name"])
        return await self._request("UPDATE", kind, path, body=manifest, query={"fieldManager": FIELD_MANAGER})

    async def merge(self, kind: Kind, namespace: str, name: str, patch: Mapping[str, Any]) -> Manifest:
        """Merge a patch into an object; with `metadata.resourceVersion` in it, only if nobody was faster."""
        return await self._request(
            "PATCH",
            kind,
            kind.path(namespace, name),
            body=patch,
            content_type=_MERGE,
            query={"fieldManager": FIELD_MANAGER},
        )

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> Manifest | None:
        """Delete exactly the object `uid`.

        Returns:
            The object, if it only begins to go (finalizers, a graceful end); None if it is gone.
        """
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Background",
        }
        answer = await self._request("DELETE", kind, kind.path(namespace, name), body=options)
        return answer if answer.get("kind") == kind.name and _is_there(answer["metadata"]) else None

    async def _request(  # noqa: PLR0913 - the parts of a request
        self,
        verb: str,
        kind: Kind,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = _JSON,
        accept: str = _JSON,
        timeout: float | None = None,  # noqa: ASYNC109 - it is aiohttp's own
    ) -> Manifest:
        seconds = self._seconds if timeout is None else timeout
        method = _METHODS[verb]
        if method.writes:
            self.check_may_write()
        code = "cancelled"
        try:
            async with self._session.request(
                method.http,
                self._server + path,
                params=query,
                data=None if body is None else encoded(body),
                headers={"Content-Type": content_type, "Accept": accept},
                timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS),
            ) as response:
                code = str(response.status)
                return await _answer(response)
        except TimeoutError as error:
            code = "timeout"
            raise errors.TimedOut(f"{verb} {path}: no answer within {seconds:g} s") from error
        except aiohttp.ClientError as error:
            code = "unreachable"
            raise errors.Unreachable(f"{verb} {path}: {error}") from error
        finally:
            self._observer(verb, kind.name, code)


def _is_there(metadata: Mapping[str, Any]) -> bool:
    """Tell whether an object that a deletion was answered with still exists.

    Of some kinds (PersistentVolumeClaim, Service, ServiceAccount) the API server also answers the last state of what it
    has removed: their registries have `ReturnDeletedObject`.
    """
    waits = metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds")
    return "deletionTimestamp" in metadata and bool(waits)


async def _answer(response: aiohttp.ClientResponse) -> Manifest:
    """Return the object of a response, or raise the error that it stands for."""
    text = await response.read()
    try:
        value = orjson.loads(text)
    except ValueError:
        value = {}
    found: Manifest = value if isinstance(value, dict) else {}
    if not response.ok:
        raise errors.from_response(response.status, response.headers, found)
    if not found:
        raise errors.ServerError("the API server's answer is no JSON object", code=response.status)
    metadata = found.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
    return found
