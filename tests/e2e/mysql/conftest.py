"""A member's pod without Kubernetes: the real mysqld, run by the real start script, in a container of our own.

The container is what the pod would be: the image's file system, read-only; the volume, the ConfigMap and the
Secrets mounted where the StatefulSet says; mysqld's user, without capabilities; a process namespace, so that the
script is the first process. Only the network is the machine's: the server listens on a loopback port.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pba_standin.contract.member import cluster, with_secrets
from pba_standin.contract.subject import SPOILED, Subject

from pba_hack.images.rootfs import rootfs
from pba_hack.loopback import free_port
from pba_hack.waiting import wait_for
from pba_operator.domain import database
from pba_operator.domain.database import layout, secret_ids, secrets, statefulset
from pba_operator.domain.model import Cluster, Observed

DEADLINE_SECONDS = 90.0
SMALL = {"innodb_redo_log_capacity": "8388608", "innodb_buffer_pool_size": "32M"}
DIRECTORIES = (
    layout.VOLUME_DIR,
    layout.CONFIG_DIR,
    layout.ADMIN_DIR,
    layout.TLS_DIR,
    layout.TMP_DIR,
    layout.RUN_DIR,
)
DEVICES = ("null", "urandom", "random")
PAUSE = """
"$@" &
wait $!
"""
"""What Kubernetes' pause container is to a pod with one process namespace: the first process, and no part of ours."""
MOUNT = """
set -eu
mount -t overlay overlay -o "lowerdir=$BASE/skeleton:$IMAGE" "$BASE/root"
for directory in $DIRECTORIES; do mount --bind "$BASE/mounts$directory" "$BASE/root$directory"; done
for device in $DEVICES; do mount --bind "/dev/$device" "$BASE/root/dev/$device"; done
exec chroot "$BASE/root" setpriv --reuid=999 --regid=999 --clear-groups --bounding-set=-all --no-new-privs "$@"
"""


def small_cluster(**config: str) -> Cluster:
    """Return a PBACluster whose server is quick to make and to copy."""
    return cluster("mysql", **SMALL | config)


def child_of(pid: int) -> int:
    """Return the first child of a process; 0: there is none."""
    try:
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0


class Pod(Subject):
    """The pod of the member 0, and its volume."""

    host, wrong_host = "localhost", "127.0.0.1"
    connect = staticmethod(pymysql.connect)

    def __init__(self, base: Path, image: Path) -> None:
        self.base = base
        self.image = image
        self.cluster = small_cluster()
        self.observed = with_secrets(self.cluster)
        self.port, self.group_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._has_pause = False
        for directory in DIRECTORIES:
            (base / f"skeleton{directory}").mkdir(parents=True)
            (base / f"mounts{directory}").mkdir(parents=True)
        (base / "root").mkdir()
        (base / "skeleton/dev").mkdir()
        for device in DEVICES:
            (base / "skeleton/dev" / device).touch()
        hosts = f"127.0.0.1 localhost {database.members.host(self.cluster)}\n"
        (base / "skeleton/etc/hosts").write_text(hosts)
        for writable in (layout.VOLUME_DIR, layout.TMP_DIR, layout.RUN_DIR):
            os.chown(self.mount(writable), layout.USER, layout.USER)

    def mount(self, path: str) -> Path:
        """Return where a path of the pod's mounts is on this machine."""
        return self.base / f"mounts{path}"

    def copy_volume(self, volume: Path) -> None:
        subprocess.run(["cp", "-a", f"{volume}/.", self.mount(layout.VOLUME_DIR)], check=True)

    @property
    def log(self) -> str:
        return (self.base / "log").read_text()

    def configure(self, **config: str) -> None:
        self.cluster = small_cluster(**config)

    def start(self) -> None:
        """Make what the kubelet makes, and start the container."""
        self._mount_objects()
        planned = statefulset.manifest(self.cluster, self.observed)
        assert planned is not None
        pod = planned["spec"]["template"]["spec"]
        container = pod["containers"][0]
        environment = {item["name"]: item.get("value", "shop-mysql-0") for item in container["env"]}
        environment |= {
            "PBA_GROUP_PORT": str(self.group_port),
            "BASE": str(self.base),
            "IMAGE": str(self.image),
        }
        environment |= {"DIRECTORIES": " ".join(DIRECTORIES), "DEVICES": " ".join(DEVICES)}
        environment |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        isolated = ["unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child"]
        self._has_pause = bool(pod.get("shareProcessNamespace"))
        if self._has_pause:
            isolated += ["sh", "-c", PAUSE, "sh"]
        with (self.base / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*isolated, "sh", "-c", MOUNT, "sh", *container["command"]],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _mount_objects(self) -> None:
        files: dict[str, str] = next(
            manifest["data"]
            for manifest in database.manifests(self.cluster, self.observed)
            if manifest["kind"] == "ConfigMap"
        )
        my_cnf = files[layout.CONFIG_FILE].replace('port = "3306"', f'port = "{self.port}"')
        my_cnf = my_cnf.replace('bind_address = "*"', 'bind_address = "127.0.0.1"')
        my_cnf = my_cnf.replace(":33061", f":{self.group_port}")
        for name, text in {**files, layout.CONFIG_FILE: my_cnf}.items():
            self._write(f"{layout.CONFIG_DIR}/{name}", text, 0o444)
        admin = self.observed.children[secret_ids.admin(self.cluster)]
        self._write(f"{layout.ADMIN_DIR}/init.sql", str(secrets.value(admin, "init.sql")), 0o440)
        certificate = self.observed.children[secret_ids.certificate(self.cluster)]
        for name in certificate["data"]:
            text = SPOILED.decode() if name == self.spoiled else str(secrets.value(certificate, name))
            self._write(f"{layout.TLS_DIR}/{name}", text, 0o440)

    def _write(self, path: str, text: str, mode: int) -> None:
        file = self.mount(path)
        file.unlink(missing_ok=True)
        file.write_text(text)
        os.chown(file, 0, layout.USER)
        file.chmod(mode)

    @property
    def first_process(self) -> int:
        """Return the process that is the container's first (of this machine's numbers); 0: there is none."""
        assert self._process is not None
        return child_of(child_of(self._process.pid)) if self._has_pause else child_of(self._process.pid)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def execute(self, *command: str, seconds: float = 5) -> int:
        """Run a command in the container as the kubelet would; return its exit status, -1 if it took too long."""
        enter = ["nsenter", f"--target={self.first_process}", "--mount", "--root", "--wd"]
        within = ["setpriv", "--reuid=999", "--regid=999", "--clear-groups", *command]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        try:
            return subprocess.run(
                [*enter, *within], timeout=seconds, check=False, capture_output=True, env=environment
            ).returncode
        except subprocess.TimeoutExpired:
            return -1

    def is_ready(self) -> bool:
        assert self.is_running, self.log
        if "ready for connections" not in self.log:
            return False
        return self.execute(*statefulset.probe_command()) == 0

    def run(self) -> None:
        self.start()
        wait_for("mysqld to be ready", self.is_ready)

    def signal(self, number: int) -> None:
        os.kill(wait_for("the first process", lambda: self.first_process, 10), number)

    def wait(self, seconds: float = DEADLINE_SECONDS) -> int:
        assert self._process is not None
        return self._process.wait(seconds)

    def kill(self) -> None:
        if self.is_running:
            self.signal(signal.SIGKILL)
            self.wait()

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.wait()

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)
        threads = Path(f"/proc/{self.first_process}/task")

        def is_frozen() -> bool:
            return all("\nState:\tT" in file.read_text() for file in threads.glob("*/status"))

        wait_for("all threads to stand still", is_frozen, 10)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def end(self) -> None:
        assert self.stop() == 0, self.log

    def begin(self) -> None:
        self.run()

    def remake_admin(self) -> None:
        """Delete the admin Secret and have it made anew."""
        children = {key: value for key, value in self.observed.children.items() if "admin" not in key.name}
        self.observed = with_secrets(self.cluster, Observed(children))


@pytest.fixture(scope="session")
def image() -> Path:
    return rootfs("mysql")


@pytest.fixture(scope="session")
def made_volume(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A volume whose database was made, and stopped in order."""
    pod = Pod(tmp_path_factory.mktemp("made"), image)
    try:
        pod.run()
        assert pod.stop() == 0, pod.log
    finally:
        pod.kill()
    return pod.mount(layout.VOLUME_DIR)


@pytest.fixture
def new_pod(image: Path, tmp_path: Path) -> Iterator[Pod]:
    """A pod whose volume is empty."""
    pod = Pod(tmp_path, image)
    yield pod
    pod.kill()
    shutil.rmtree(tmp_path)


@pytest.fixture
def pod(new_pod: Pod, made_volume: Path) -> Pod:
    """A pod whose volume holds a database, not started."""
    new_pod.copy_volume(made_volume)
    return new_pod


@pytest.fixture(scope="session")
def subject(image: Path, made_volume: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """A running server, for tests that leave it as it was."""
    pod = Pod(tmp_path_factory.mktemp("subject"), image)
    pod.copy_volume(made_volume)
    pod.run()
    yield pod
    pod.kill()


@pytest.fixture
def until() -> Callable[..., Any]:
    return wait_for
