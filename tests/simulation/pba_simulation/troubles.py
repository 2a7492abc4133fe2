"""What may go wrong with a PBACluster that all was well with, as live objects show it: one function for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pba_operator.domain.model import AccountState, ChildId, DatabaseObservation, Manifest
from pba_simulation import backend_troubles as backend
from pba_simulation.belief import World

CLAIM: Final = ChildId("PersistentVolumeClaim", "data-shop-mysql-0")


def _nothing(_world: World) -> None:
    """Leave all as it is."""


def _foreign(world: World) -> None:
    world.children[ChildId("Service", "shop")]["metadata"].pop("ownerReferences")


def _leaving(world: World) -> None:
    world.children[ChildId("Service", "shop")]["metadata"]["ownerReferences"][0]["uid"] = "an-earlier-one"


def _going(*children: ChildId) -> Callable[[World], None]:
    def go(world: World) -> None:
        for child in children:
            metadata = world.children[child]["metadata"]
            metadata |= {"deletionTimestamp": "2026-11-24T00:00:00Z", "finalizers": ["example.org/hold"]}

    return go


def _stripped(child: ChildId) -> Callable[[World], None]:
    return lambda world: world.children[child]["metadata"].pop("labels")


def _contested(**opponents: str) -> Callable[[World], None]:
    """Have somebody keep undoing what is done to the Deployments of some parts."""
    return lambda world: world.contested.update(
        {ChildId("Deployment", f"shop-{part}"): who for part, who in opponents.items()}
    )


def _database_pod(world: World) -> Manifest:
    return world.children[ChildId("Pod", "shop-mysql-0")]


def _no_volume(world: World) -> None:
    world.children[CLAIM]["status"] = {"phase": "Pending"}
    backend.unscheduled(_database_pod(world), "pod has unbound immediate PersistentVolumeClaims.")


def _volume_being_made(world: World) -> None:
    _no_volume(world)
    annotations = {"volume.kubernetes.io/storage-provisioner": "example.org/disks"}
    world.children[CLAIM]["metadata"]["annotations"] = annotations


def _claim(**status: Any) -> Callable[[World], None]:
    return lambda world: world.children[CLAIM]["status"].update(status)


def _claim_going(world: World) -> None:
    world.children[CLAIM]["metadata"]["deletionTimestamp"] = "2026-11-24T00:00:00Z"


def _growing(**status: Any) -> Callable[[World], None]:
    def grow(world: World) -> None:
        world.children[CLAIM]["spec"]["resources"] = {"requests": {"storage": "2Gi"}}
        world.children[CLAIM]["status"].update(status)

    return grow


def _old_revision(world: World) -> None:
    _database_pod(world)["metadata"]["labels"]["controller-revision-hash"] = "r0"


def _no_database_pod(world: World) -> None:
    world.children.pop(ChildId("Pod", "shop-mysql-0"))


def _no_statefulset(world: World) -> None:
    world.children.pop(ChildId("StatefulSet", "shop-mysql"))


def _answer(state: AccountState, detail: str) -> Callable[[World], None]:
    def answer(world: World) -> None:
        world.database = DatabaseObservation(state, world.database.asked, "9.7.4", detail)

    return answer


def _not_asked(world: World) -> None:
    world.database = DatabaseObservation()


def _scheduler_silent(world: World) -> None:
    _no_volume(world)
    del _database_pod(world)["status"]["conditions"][0]["message"]


def _one_container_of_two(world: World) -> None:
    ready = {"name": "first", "ready": True, "started": True, "restartCount": 0, "state": {"running": {}}}
    backend.container(world, started=True, state={"running": {}})
    statuses = world.children[ChildId("Pod", backend.BACKEND)]["status"]["containerStatuses"]
    statuses[:0] = [ready]


def _management_waits(world: World) -> None:
    world.deployment("shop-management")["status"] |= {"availableReplicas": 0, "readyReplicas": 0}
    pod = world.put_pod("shop-management-5f6", "management", ready=False)
    del pod["spec"], pod["status"]


def _kept(*missing: str) -> Callable[[World], None]:
    """Leave what outlives a PBACluster, but for the Secrets in `missing`."""

    def leave(world: World) -> None:
        world.children = {
            child: live
            for child, live in world.children.items()
            if child.kind in ("Secret", "PersistentVolumeClaim")
            and "ownerReferences" not in live["metadata"]
            and child.name not in missing
        }
        world.database = DatabaseObservation()

    return leave


def _mixed(world: World) -> None:
    _kept()(world)
    labels = world.children[ChildId("Secret", "shop-mysql-ca")]["metadata"]["labels"]
    labels["pba.dev/cluster-uid"] = labels["pba.dev/database-id"] = "another"


def _of_another_class(world: World) -> None:
    _kept()(world)
    world.children[CLAIM]["spec"]["storageClassName"] = "slow"


def _certificate(**data: str) -> Callable[[World], None]:
    """Have the user's Secret with the frontend's certificate hold this, in base64."""
    return lambda world: world.references.update({ChildId("Secret", "shop-tls"): {"data": data}})


def _emptied(world: World) -> None:
    world.children[ChildId("Secret", "shop-mysql-admin")]["data"].pop("password")


def _half_a_set(world: World) -> None:
    world.children.pop(ChildId("Secret", "shop-mysql-admin"))


def _no_backend_yet(world: World) -> None:
    world.children.pop(ChildId("Deployment", "shop-backend"))


def _frontends_starting(world: World) -> None:
    world.deployment("shop-frontend")["status"]["availableReplicas"] = 0


def _edited(world: World) -> None:
    world.deployment("shop-backend")["spec"]["replicas"] = 9


def _without_address(world: World) -> None:
    world.children[ChildId("Service", "shop")]["status"] = {"loadBalancer": {}}


def _no_balancer(world: World) -> None:
    """Have no frontend that can pull its image; the sidecar of one is well."""
    world.deployment("shop-frontend")["status"] |= {"availableReplicas": 0, "readyReplicas": 0}
    pod = world.put_pod("shop-frontend-6c8f7d-k4m2p", "frontend", ready=False)
    waiting = {"reason": "ErrImagePull", "message": "haproxy:0: not found"}
    pod["status"]["containerStatuses"] = [
        backend.status_of("haproxy", "haproxy:0", state={"waiting": waiting}),
        backend.status_of("sync", "sync:1", ready=True, started=True, state={"running": {}}),
    ]


TROUBLES: Final[dict[str, Callable[[World], None]]] = {
    "nothing": _nothing,
    "nothing exists": lambda world: world.children.clear(),
    "a backend's Deployment is missing": _no_backend_yet,
    "a backend's Deployment was edited": _edited,
    "a backend is starting": lambda world: backend.lacking(world)["status"].clear(),
    "a backend's image is not there": backend.waiting("ErrImagePull", "app:1: not found"),
    "a backend's registry refuses": backend.waiting("ImagePullBackOff", "pull access denied"),
    "a backend's registry is silent": backend.waiting("ErrImagePull", "dial tcp: i/o timeout"),
    "a backend's registry has no name": backend.waiting("ErrImagePull", "no such host"),
    "a backend's image has a bad name": backend.waiting("InvalidImageName"),
    "a backend's image may not be pulled": backend.waiting("ErrImageNeverPull"),
    "a backend's image fails for a reason unknown": backend.waiting("ImageInspectError", "odd"),
    "a backend's Secret lacks a key": backend.waiting("CreateContainerConfigError", "couldn't find key x"),
    "a backend cannot be started, without a word": lambda world: backend.container(
        world, state={"waiting": {"reason": "RunContainerError"}}
    ),
    "a backend crashes with words": backend.crashed(message="Traceback\nValueError: no table"),
    "a backend crashes without words": backend.crashed(),
    "a backend has too little memory": backend.crashed(reason="OOMKilled"),
    "a backend crashed once": backend.crashed(restarts=1),
    "a backend waits to crash again": backend.waiting("CrashLoopBackOff"),
    "a backend fits nowhere": backend.no_machine,
    "a backend is gated": backend.gated,
    "a backend was evicted": backend.failed,
    "a backend is not ready": backend.silent,
    "a backend's machine is silent": backend.cut_off,
    "a quota forbids backends": backend.quota,
    "the frontends' image is not there": _no_balancer,
    "the Service is somebody else's": _foreign,
    "the Service is an earlier namesake's": _leaving,
    "no load balancer gives the Service an address": _without_address,
    "the Service is being deleted": _going(ChildId("Service", "shop")),
    "Secrets of the set are being deleted": _going(
        ChildId("Secret", "shop-mysql-admin"), ChildId("Secret", "shop-mysql-tls")
    ),
    "a Secret of the set is stripped of its labels": _stripped(ChildId("Secret", "shop-mysql-admin")),
    "a controller keeps scaling the backends": _contested(backend="autoscaler"),
    "somebody keeps deleting Deployments": _contested(management="", frontend=""),
    "the volume is made by nobody": _no_volume,
    "the volume is being made": _volume_being_made,
    "the volume is lost": _claim(phase="Lost"),
    "the volume is being deleted": _claim_going,
    "the volume is growing": _growing(),
    "the volume cannot grow": _growing(allocatedResourceStatuses={"storage": "ControllerResizeInfeasible"}),
    "the database is about to be restarted": _old_revision,
    "the database's pod is missing": _no_database_pod,
    "the database's StatefulSet is missing": _no_statefulset,
    "MySQL was not asked yet": _not_asked,
    "MySQL refuses the accounts": _answer(AccountState.REFUSED, "the account is locked."),
    "MySQL is not reached": _answer(AccountState.UNREACHABLE, "timed out."),
    "a Secret of the set is missing": _half_a_set,
    "the scheduler says nothing of the database's pod": _scheduler_silent,
    "one of two containers of a backend is not ready": _one_container_of_two,
    "the management node is on no machine yet": _management_waits,
    "a Secret of the set lost a key": _emptied,
    "an earlier namesake left all": _kept(),
    "an earlier namesake left all but its password": _kept("shop-mysql-app"),
    "an earlier namesake left half": _kept("shop-mysql-app", "shop-mysql-admin"),
    "two earlier namesakes left something": _mixed,
    "an earlier namesake left a volume of another class": _of_another_class,
    "options of MySQL are refused": _nothing,
    "a certificate of the user's is missing": _nothing,
    "a certificate of the user's lacks its key": _certificate(**{"tls.crt": "eA=="}),
    "a certificate of the user's is none": _certificate(**{"tls.crt": "eA==", "tls.key": "eA=="}),
    "a Secret of the user's is missing": _nothing,
    "a template of the user's is missing": _nothing,
    "the frontends' own pages are missing": _nothing,
    "actions are refused": _nothing,
    "it is paused, and other backends are asked for": _nothing,
    "no backend is asked for while frontends start": _frontends_starting,
    "the spec cannot be read": _nothing,
}
