"""Where the API server is, and how we prove who we are, as the `kubernetes` package reads the configuration.

What must stay true: a token that the kubelet replaces is used from the next request on (service account
tokens live for an hour); kopf and our own client use the same credentials; no token ever reaches a log.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes import config
from kubernetes.client import Configuration
from kubernetes.config.incluster_config import SERVICE_HOST_ENV_NAME, SERVICE_TOKEN_FILENAME

Authorization = Callable[[], str | None]
"""Answers the value of the `Authorization` header of the next request."""


@dataclass(frozen=True)
class Credentials:
    """An API server's URL, how to trust it, and how it trusts us."""

    server: str
    tls: ssl.SSLContext | None
    authorization: Authorization


class TokenFile:
    """A bearer token in a file that is replaced from time to time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._header = ""

    def __call__(self) -> str:
        """Return the header for the token as it stands in the file now."""
        status = self._path.stat()
        state = (status.st_mtime_ns, status.st_ino)
        if state != self._seen:
            self._header = f"Bearer {self._path.read_text().strip()}"
            self._seen = state
        return self._header


def load() -> Credentials:
    """Return the credentials of `$KUBECONFIG`, else of the pod's service account, else of `~/.kube/config`.

    Raises:
        config.ConfigException: none of them is there, or it cannot be read.
    """
    configuration = Configuration()
    kubeconfig = os.environ.get("KUBECONFIG")
    if kubeconfig is None and SERVICE_HOST_ENV_NAME in os.environ:
        config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
        return Credentials(configuration.host, _tls(configuration), TokenFile(Path(SERVICE_TOKEN_FILENAME)))
    config.load_kube_config(kubeconfig, client_configuration=configuration)  # type: ignore[no-untyped-call]
    return Credentials(configuration.host, _tls(configuration), _authorization(configuration))


def _authorization(configuration: Any) -> Authorization:
    """Return what asks the `kubernetes` package each time: it renews tokens of plugins when they expire."""

    def header() -> str | None:
        if configuration.username:
            return aiohttp.encode_basic_auth(configuration.username, configuration.password or "")
        value: str | None = configuration.get_api_key_with_prefix("BearerToken", "authorization")
        return value

    return header


def _tls(configuration: Any) -> ssl.SSLContext | None:
    if not configuration.host.startswith("https:"):
        return None
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def open_session(
    credentials: Credentials, *middlewares: aiohttp.ClientMiddlewareType
) -> aiohttp.ClientSession:
    """Return a session whose requests carry the credentials as they are at that moment.

    Args:
        credentials: from `load`.
        *middlewares: see the requests and their answers, the first before the others.
    """

    async def authorize(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        header = credentials.authorization()
        if header is not None:
            request.headers["Authorization"] = header
        return await handler(request)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=credentials.tls or True, limit=0),
        headers={"User-Agent": "pba-operator"},
        middlewares=(*middlewares, authorize),
    )
