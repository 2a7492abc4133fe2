"""The resource's type, put into an API server as a user does, and waited for until it is served."""

from __future__ import annotations

from typing import Final

from pba_hack.apiserver import ApiServer
from pba_hack.checkout import CHECKOUT
from pba_hack.waiting import wait_for

NAME: Final = "pbaclusters.pba.dev"
MANIFEST: Final = CHECKOUT / "crds" / "pba.dev_pbaclusters.yaml"

_PATH: Final = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{NAME}"
_SERVED: Final = ("/apis/pba.dev/v1alpha1/pbaclusters", "/openapi/v3/apis/pba.dev/v1alpha1")
_SECONDS: Final = 30.0


class RefusedError(RuntimeError):
    """The API server did not take the CRD; says why."""


def install(server: ApiServer) -> None:
    """Apply the CRD; return as soon as its objects and its schema are served.

    Raises:
        RefusedError: the API server did not take it.
        WaitedInVainError: it was not served in time.
    """
    content = MANIFEST.read_bytes()
    applied = server.request(
        "PATCH", _PATH, content, "application/apply-patch+yaml", fieldManager="hack", force="true"
    )
    if not applied.ok:
        raise RefusedError(applied.data.decode())
    wait_for(
        f"{NAME} to be served",
        lambda: all(server.request("GET", path).ok for path in _SERVED),
        _SECONDS,
        poll_seconds=0.05,
    )
