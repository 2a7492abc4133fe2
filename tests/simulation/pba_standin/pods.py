"""Members' pods as an API server shows them: what a kubelet would start, and with which files."""

from __future__ import annotations

import base64
import errno
import http
import socket
from collections.abc import Callable
from typing import Any, Final

from pba_hack.apiserver import ApiServer
from pba_operator.domain import secret_keys
from pba_operator.domain.database import layout, members
from pba_operator.kube import kinds
from pba_standin.server import Files

Object = dict[str, Any]
Get = Callable[[str, str, str], Object | None]
"""Returns a live object by kind, namespace and name."""
_USUAL_VERSION: Final = "9.7.4"
"""Where the image's tag does not say."""


class LivePods:
    """The members' pods of one API server."""

    def __init__(self, get: Get) -> None:
        """Make it.

        Args:
            get: returns a live object; it may be asked by several threads at once.
        """
        self._get = get

    def running(self, host: str) -> str | None:
        """Return what identifies the run of a member's container: another one after each start. None: it does not run.

        Raises:
            OSError: there is no such pod, so its name is not known, either.
        """
        pod = self._pod(host)
        status = pod.get("status", {})
        if status.get("phase") != "Running":
            return None
        restarts = sum(
            found.get("restartCount", 0)
            for found in status.get("containerStatuses", ())
            if found["name"] == members.CONTAINER
        )
        return f"{pod['metadata']['uid']}/{restarts}"

    def files(self, host: str) -> Files:
        """Return what a member's pod mounts, as it is now.

        Raises:
            ConnectionRefusedError: a part of it is not there: a kubelet starts no container before it is.
        """
        pod = self._pod(host)
        container = _named(pod["spec"]["containers"], members.CONTAINER)
        mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        config, admin, tls = (
            self._content(pod, mounted[folder])
            for folder in (layout.CONFIG_DIR, layout.ADMIN_DIR, layout.TLS_DIR)
        )
        tag = container["image"].rpartition(":")[2]
        return Files(
            # As the start script puts it together.
            init_sql=config[layout.UNLOCK_FILE] + admin[secret_keys.ADMIN_SQL] + config[layout.LOCAL_FILE],
            my_cnf=config[layout.CONFIG_FILE],
            certificate=tls[secret_keys.TLS_CERTIFICATE],
            key=tls[secret_keys.TLS_KEY],
            version=tag if tag[:1].isdecimal() else _USUAL_VERSION,
            volume=self._volume(pod, mounted[layout.VOLUME_DIR]),
        )

    def _pod(self, host: str) -> Object:
        name, _service, namespace, *_rest = host.split(".")
        found = self._get("Pod", namespace, name)
        if found is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return found

    def _volume(self, pod: Object, name: str) -> str:
        claim = _named(pod["spec"]["volumes"], name)["persistentVolumeClaim"]["claimName"]
        return str(self._must_get(pod, "PersistentVolumeClaim", claim)["metadata"]["uid"])

    def _content(self, pod: Object, name: str) -> dict[str, str]:
        """Return the files of a volume that is made from a ConfigMap or a Secret."""
        volume = _named(pod["spec"]["volumes"], name)
        if "secret" not in volume:
            files: dict[str, str] = self._must_get(pod, "ConfigMap", volume["configMap"]["name"])["data"]
            return files
        data = self._must_get(pod, "Secret", volume["secret"]["secretName"])["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def _must_get(self, pod: Object, kind: str, name: str) -> Object:
        namespace = pod["metadata"]["namespace"]
        found = self._get(kind, namespace, name)
        if found is None:
            waits = f"the container waits for what it mounts: {kind} {namespace}/{name}"
            raise ConnectionRefusedError(errno.ECONNREFUSED, waits)
        return found


def _named(items: list[Object], name: str) -> Object:
    return next(item for item in items if item["name"] == name)


def through(server: ApiServer) -> Get:
    """Return what gets live objects from an API server.

    Args:
        server: which one.
    """

    def get(kind: str, namespace: str, name: str) -> Object | None:
        answer = server.request("GET", kinds.BY_NAME[kind].path(namespace, name))
        if answer.status == http.HTTPStatus.NOT_FOUND:
            return None
        if not answer.ok:
            raise ConnectionError(answer.data.decode())
        found: Object = answer.body
        return found

    return get
