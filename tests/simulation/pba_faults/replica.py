"""One of several operators: a process of its own, with a service account of its own.

By the account the API server's audit log tells the replicas apart: whose write it was is not a matter of timing.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any, Final

from pba_simulation.real import PATIENCE, Namespace, eventually

from pba_faults.container import COMMAND, environment
from pba_hack.loopback import free_port

_RIGHTS: Final = "cluster-admin"
"""What the operator's own rights are is another test's story."""
_ROLES: Final = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


START_SECONDS: Final = 2 * PATIENCE
"""Until a process knows the cluster, which may be a large one."""


class Replica:
    """A replica of the operator; ended, it may be started again, as another pod of the same account."""

    def __init__(
        self, place: Namespace, name: str, folder: Path, *, everywhere: bool = False, ahead: float = 0.0
    ) -> None:
        """Make the account; nothing runs yet.

        Args:
            place: an existing namespace that holds no such account.
            name: of the account, and of the pods.
            folder: for the kubeconfig and the log; exists.
            everywhere: it watches all namespaces, not only `place`.
            ahead: seconds that its calendar is ahead of the machine's.
        """
        self._place = place
        self._ahead = ahead
        self._everywhere = everywhere
        self._port = 0
        self._name = name
        self._kubeconfig = folder / f"{name}.kubeconfig"
        self.log = folder / f"{name}.log"
        self.user = f"system:serviceaccount:{place.name}:{name}"
        self.identity = ""
        """As which the Lease knows it, since it was started last."""
        self._process: subprocess.Popen[bytes] | None = None
        self._make_account()

    def _make_account(self) -> None:
        accounts = f"/api/v1/namespaces/{self._place.name}/serviceaccounts"
        subject = {"kind": "ServiceAccount", "name": self._name, "namespace": self._place.name}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": _RIGHTS}
        binding = {"metadata": {"name": f"{self._place.name}-{self._name}"}, "roleRef": role}
        self._post(accounts, {"metadata": {"name": self._name}})
        self._post(_ROLES, {**binding, "subjects": [subject]})
        token = self._post(f"{accounts}/{self._name}/token", {"spec": {}})["status"]["token"]
        config = json.loads(self._place.server.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": token}
        self._kubeconfig.touch(0o600)
        self._kubeconfig.write_text(json.dumps(config))

    def _post(self, path: str, body: dict[str, object]) -> dict[str, dict[str, str]]:
        answer = self._place.server.request("POST", path, body)
        assert answer.ok, answer.data.decode()
        made: dict[str, dict[str, str]] = answer.body
        return made

    def start(self) -> None:
        """Start a process; return when it knows the cluster, and at the latest then waits for the Lease."""
        self._port, uid = free_port(), str(uuid.uuid4())
        self.identity = f"{self._name}_{uid}"
        pod = (self._name, uid)
        variables = environment(
            self._place, self._kubeconfig, pod, self._port, everywhere=self._everywhere, ahead=self._ahead
        )
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(COMMAND, env=variables, stdout=log, stderr=log)
        eventually(self._is_ready, f"{self._name} is ready ({self.log})", START_SECONDS)

    def _is_ready(self) -> bool:
        assert self.is_running, f"{self._name} has ended: {self.log.read_text()}"
        try:
            with self._get("readyz") as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _get(self, path: str) -> Any:
        return urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{path}", timeout=5)

    def metrics(self) -> dict[str, float]:
        """Return its metrics, by name and labels as they are printed."""
        with self._get("metrics") as answer:
            lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    @property
    def pid(self) -> int:
        """The process' identifier."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.poll() is None

    @property
    def holds(self) -> bool:
        """Whether the Lease says that this process holds it."""
        lease = self._place.get("Lease", "pba-operator")
        return lease is not None and lease["spec"]["holderIdentity"] == self.identity

    def crash(self) -> float:
        """End the process by SIGKILL; return when (seconds of the calendar's clock)."""
        return self._signal(signal.SIGKILL)

    def stop(self) -> float:
        """Ask the process to end, as Kubernetes does; return when."""
        return self._signal(signal.SIGTERM)

    def freeze(self) -> float:
        """Have the process do nothing any more; return when."""
        return self._signal(signal.SIGSTOP)

    def go_on(self) -> float:
        """Have a frozen process go on; return when."""
        return self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> float:
        assert self._process is not None
        at = time.time()
        self._process.send_signal(number)
        return at

    def wait(self) -> int:
        """Wait until the process has ended; return its exit code."""
        assert self._process is not None
        return self._process.wait(PATIENCE)

    def end(self) -> None:
        """Leave nothing running."""
        if self.is_running:
            self.crash()
            self.wait()
