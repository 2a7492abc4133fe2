"""Where each field of the spec must be seen in what is planned: the specification, written a second time.

The consistency oracle of Acto (SOSP'23): what a user declares is what is there. What must stay true: every field
stands here; each is looked up in the manifests by its path, and nothing of the planner is used for that.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pba_mutation import files, places_edge, places_network, traffic
from pba_mutation.planning import NAME, Children, template
from pba_operator.domain.model import ChildId

Json = Mapping[str, Any]
Look = Callable[[Any, Json, Children], Iterator[str]]
"""Yields what is wrong: of a field's value, the whole spec, and what is planned for it."""

WORKLOADS: Final = {
    "database": (ChildId("StatefulSet", f"{NAME}-mysql"), "mysql"),
    "management": (ChildId("Deployment", f"{NAME}-management"), "application"),
    "backend": (ChildId("Deployment", f"{NAME}-backend"), "application"),
    "frontend": (ChildId("Deployment", f"{NAME}-frontend"), "haproxy"),
}
APPLICATION: Final = (WORKLOADS["management"][0], WORKLOADS["backend"][0])
POD: Final = "spec.template.spec"
CONTAINER: Final = f"{POD}.containers[application]"
MANAGEMENT_DRAIN_SECONDS: Final = 5

_CLAIM: Final = ChildId("PersistentVolumeClaim", f"data-{NAME}-mysql-0")
_SERVICE: Final = ChildId("Service", NAME)
_CA_FILE: Final = "/etc/pba/database/ca.crt"
_HOST: Final = f"{NAME}-mysql-primary.default.svc"


def at(manifest: Any, pointer: str) -> Any:
    """Return what stands at `pointer` (a.b[name].c, an item of a list by its name); None if nothing does."""
    here = manifest
    for step in pointer.replace("[", ".[").split("."):
        if here is None:
            return None
        if step.startswith("["):
            here = next((item for item in here if item.get("name") == step[1:-1]), None)
        else:
            here = here.get(step)
    return here


def _asked_for(child: ChildId, spec: Json) -> bool:
    """Tell whether the spec asks for the child at all: backends may be left out."""
    return child.name != f"{NAME}-backend" or spec.get("backend") is not None


def _application(spec: Json) -> tuple[ChildId, ...]:
    return tuple(child for child in APPLICATION if _asked_for(child, spec))


def equal(child: ChildId, pointer: str) -> Look:
    """The value stands there; an empty one is absent there."""

    def look(value: Any, spec: Json, children: Children) -> Iterator[str]:
        if not _asked_for(child, spec):
            return
        seen = at(children[child], pointer)
        if (seen or None) != (value or None) or isinstance(seen, bool) != isinstance(value, bool):
            yield f"{child.kind} {child.name} {pointer}: {seen!r}, wanted {value!r}"

    return look


def number(child: ChildId, pointer: str) -> Look:
    """The value stands there, 0 included."""

    def look(value: Any, spec: Json, children: Children) -> Iterator[str]:
        if not _asked_for(child, spec):
            return
        seen = at(children[child], pointer)
        if seen != value:
            yield f"{child.kind} {child.name} {pointer}: {seen!r}, wanted {value!r}"

    return look


def holds(child: ChildId, pointer: str) -> Look:
    """Each item of the list, or each entry of the map, stands there among others."""

    def look(value: Any, spec: Json, children: Children) -> Iterator[str]:
        if not _asked_for(child, spec):
            return
        seen = at(children[child], pointer) or ()
        wanted = list(value.items()) if isinstance(value, Mapping) else value
        have = list(seen.items()) if isinstance(seen, Mapping) else seen
        for item in wanted:
            if item not in have:
                yield f"{child.kind} {child.name} {pointer}: lacks {item!r}"

    return look


def everywhere(look: Callable[[ChildId, str], Look], children: tuple[ChildId, ...], pointer: str) -> Look:
    """Look in several children."""
    return _all(*(look(child, pointer) for child in children))


def _all(*looks: Look) -> Look:
    def look(value: Any, spec: Json, children: Children) -> Iterator[str]:
        for one in looks:
            yield from one(value, spec, children)

    return look


def _on_every_child(field: str) -> Look:
    def look(value: Any, spec: Json, children: Children) -> Iterator[str]:
        for child in children:
            own = spec.get("service", {}).get("annotations", {}) if child == _SERVICE else {}
            wanted = {key: text for key, text in value.items() if field == "labels" or key not in own}
            yield from holds(child, f"metadata.{field}")(wanted, spec, children)
        for role, (child, _container) in WORKLOADS.items():
            over = (spec.get(role) or {}).get("pod", {}).get(field, {})
            wanted = {key: text for key, text in value.items() if key not in over}
            yield from holds(child, f"spec.template.metadata.{field}")(wanted, spec, children)

    return look


def _variable(field: str, wanted: Callable[[Json], Any]) -> Look:
    """The application finds a fact of its database in the variable that the spec names."""

    def look(value: Any, spec: Json, children: Children) -> Iterator[str]:
        name = value if field == "" else spec["application"]["envNames"][field]
        for child in _application(spec):
            seen = at(children[child], f"{CONTAINER}.env[{name}]")
            if seen != {"name": name, **wanted(spec)}:
                yield f"{child.name}: the variable {name} is {seen!r}"

    return look


def _password(spec: Json) -> Any:
    given = spec["database"]["user"].get("passwordSecretRef")
    return {"valueFrom": {"secretKeyRef": given or {"name": f"{NAME}-mysql-app", "key": "password"}}}


def _user(spec: Json) -> Any:
    return {"value": spec["database"]["user"]["name"]}


def _schema(spec: Json) -> Any:
    return {"value": spec["database"]["name"]}


def _grace(_value: Any, spec: Json, children: Children) -> Iterator[str]:
    """A node serves on while it drains, and then has its grace."""
    grace = spec["application"]["terminationGracePeriodSeconds"]
    drain = (spec.get("backend") or {}).get("drainTimeoutSeconds", 0)
    for child in _application(spec):
        seconds = MANAGEMENT_DRAIN_SECONDS if child == APPLICATION[0] else max(1, drain)
        pod = at(children[child], POD)
        sleep = at(children[child], f"{CONTAINER}.lifecycle.preStop.sleep.seconds")
        if (sleep, pod["terminationGracePeriodSeconds"]) != (seconds, seconds + grace):
            yield f"{child.name}: sleeps {sleep}, ends after {pod['terminationGracePeriodSeconds']}"
    deadline = at(
        children[WORKLOADS["frontend"][0]], f"{POD}.initContainers[sync].env[PBA_DRAIN_SECONDS].value"
    )
    if deadline != str(max(MANAGEMENT_DRAIN_SECONDS, drain) + grace):
        yield f"the sidecar waits {deadline}"


def _config_files(value: Any, spec: Json, children: Children) -> Iterator[str]:
    data = children[ChildId("Secret", f"{NAME}-config")]["data"] if value else {}
    for file in value:
        wanted = template(file["templateRef"]["name"], file["templateRef"]["key"]).replace("${host}", _HOST)
        for child in _application(spec):
            mounts = at(children[child], f"{CONTAINER}.volumeMounts")
            (mount,) = [mount for mount in mounts if mount["mountPath"] == file["path"]]
            seen = base64.b64decode(data[mount["subPath"]]).decode()
            if seen != wanted:
                yield f"{child.name}: {file['path']} holds {seen!r}"


def _options(value: Any, _spec: Json, children: Children) -> Iterator[str]:
    seen = files.options(children[ChildId("ConfigMap", f"{NAME}-mysql")]["data"]["my.cnf"])
    for name, wanted in value.items():
        if seen.get(name) != str(wanted):
            yield f"my.cnf has {name} = {seen.get(name)!r}, wanted {wanted!r}"


def _checked(_value: Any, spec: Json, children: Children) -> Iterator[str]:
    """The balancer asks the nodes for what the kubelet asks them for."""
    probe = spec["application"]["probes"]["readiness"]
    lines = files.words(children[ChildId("ConfigMap", f"{NAME}-frontend")]["data"]["haproxy.cfg"])
    host = f"{NAME}.default.svc"
    wanted = f"http-check send meth GET uri {probe['path']} ver HTTP/1.1 hdr Host {host} hdr User-Agent pba-frontend"
    if tuple(wanted.split(" ")) not in lines:
        yield f"haproxy.cfg lacks {wanted}"


def _told_to_the_sidecar(variable: str) -> Look:
    """The number stands in a variable of the sidecar's."""

    def look(value: Any, _spec: Json, children: Children) -> Iterator[str]:
        pointer = f"{POD}.initContainers[sync].env[{variable}].value"
        seen = at(children[WORKLOADS["frontend"][0]], pointer)
        if seen != str(value):
            yield f"the sidecar's {variable} is {seen!r}, wanted {value!r}"

    return look


def _certificates(value: Any, _spec: Json, children: Children) -> Iterator[str]:
    """The pods mount the Secrets, and the sidecar knows their order."""
    pod, names = at(children[WORKLOADS["frontend"][0]], POD), [reference["name"] for reference in value]
    listed = at(pod, "initContainers[sync].env[PBA_TLS_SECRETS].value")
    mounted = [at(pod, f"volumes[tls-{number}].secret.secretName") for number in range(len(names))]
    if (listed, mounted) != (",".join(names), names):
        yield f"the certificates are {listed}, and {mounted} are mounted"


def _redirect(value: Any, _spec: Json, children: Children) -> Iterator[str]:
    lines = files.words(children[ChildId("ConfigMap", f"{NAME}-frontend")]["data"]["haproxy.cfg"])
    if any(line[:2] == ("http-request", "redirect") for line in lines) != value:
        yield "a redirect in haproxy.cfg, or none"


def _hsts(value: Any, _spec: Json, children: Children) -> Iterator[str]:
    lines = files.words(children[ChildId("ConfigMap", f"{NAME}-frontend")]["data"]["haproxy.cfg"])
    told = [line[3] for line in lines if line[1:3] == ("set-header", "Strict-Transport-Security")]
    if told != ([f"max-age={value}"] if value else []):
        yield f"haproxy.cfg tells {told}"


def _probe(kind: str) -> Iterator[tuple[str, Look]]:
    pointer = f"{CONTAINER}.{kind}Probe"
    for field in ("periodSeconds", "timeoutSeconds", "failureThreshold"):
        yield f"application.probes.{kind}.{field}", everywhere(number, APPLICATION, f"{pointer}.{field}")
    yield f"application.probes.{kind}.path", everywhere(equal, APPLICATION, f"{pointer}.httpGet.path")


def _pod(role: str) -> Iterator[tuple[str, Look]]:
    child, container = WORKLOADS[role]
    yield f"{role}.pod.resources", equal(child, f"{POD}.containers[{container}].resources")
    for field in ("nodeSelector", "tolerations", "affinity", "priorityClassName"):
        yield f"{role}.pod.{field}", equal(child, f"{POD}.{field}")
    yield f"{role}.pod.topologySpreadConstraints", holds(child, f"{POD}.topologySpreadConstraints")
    for field in ("labels", "annotations"):
        yield f"{role}.pod.{field}", holds(child, f"spec.template.metadata.{field}")


def _budget(value: Any, _spec: Json, children: Children) -> Iterator[str]:
    if (ChildId("PodDisruptionBudget", f"{NAME}-backend") in children) != (value > 1):
        yield f"a budget for {value} pods, or none"


def _affinity(_value: Any, spec: Json, children: Children) -> Iterator[str]:
    """Both programs of the frontend know by what a client is known again."""
    given = spec["frontend"]["sessionAffinity"]
    lines = files.words(children[ChildId("ConfigMap", f"{NAME}-frontend")]["data"]["haproxy.cfg"])
    cookies = [line[1] for line in lines if line[:1] == ("cookie",)]
    if cookies != ([given["cookieName"]] if given["type"] == "Cookie" else []):
        yield f"haproxy.cfg has the cookies {cookies}"
    if (("balance", "source") in lines) != (given["type"] == "ClientIP"):
        yield f"haproxy.cfg looks at the clients' addresses, or does not, with {given['type']}"
    sync = f"{POD}.initContainers[sync].env"
    for variable, field in (
        ("AFFINITY", "type"),
        ("LEAVE_SLOW_MILLISECONDS", "leaveSlowNodeAfterMilliseconds"),
    ):
        told = at(children[WORKLOADS["frontend"][0]], f"{sync}[PBA_{variable}].value")
        if told != str(given[field]):
            yield f"the sidecar is told {told}"


def _access_log(value: Any, _spec: Json, children: Children) -> Iterator[str]:
    """What ends well is logged, or not."""
    lines = files.words(children[ChildId("ConfigMap", f"{NAME}-frontend")]["data"]["haproxy.cfg"])
    wanted = {"All": "info", "Failures": "err"}[value]
    of_requests = [line for line in lines[10:] if line[:2] == ("log", "stdout")]
    if [line[-1] for line in of_requests] != [wanted]:
        yield f"haproxy.cfg does not log from the level {wanted} on"


def _serves(value: Any, _spec: Json, children: Children) -> Iterator[str]:
    """Frontends find the management node by its Service."""
    if (ChildId("Service", f"{NAME}-management") in children) != value:
        yield f"a Service of the management node, or none: servesTraffic is {value}"


def _declared(key: str) -> Look:
    """The sidecar is told so."""

    def look(value: Any, _spec: Json, children: Children) -> Iterator[str]:
        told = json.loads(children[ChildId("ConfigMap", f"{NAME}-nodes")]["data"]["nodes.json"])[key]
        if len(told) != len(value) or any(item not in told for item in value):
            yield f"nodes.json has {told!r}, wanted {value!r}"

    return look


def _nothing(_value: Any, _spec: Json, _children: Children) -> Iterator[str]:
    """What is no child's: shown by the finalizer, or by nothing being written at all."""
    yield from ()


PLACES: Final[Mapping[str, Look]] = {
    "paused": _nothing,
    "deletionPolicy": _nothing,
    "imagePullSecrets": _all(*(equal(child, f"{POD}.imagePullSecrets") for child, _ in WORKLOADS.values())),
    "childMetadata.labels": _on_every_child("labels"),
    "childMetadata.annotations": _on_every_child("annotations"),
    **{
        f"application.{field}": everywhere(equal, APPLICATION, f"{CONTAINER}.{field}")
        for field in ("image", "imagePullPolicy", "command", "args", "envFrom")
    },
    "application.port": _all(
        everywhere(number, APPLICATION, f"{CONTAINER}.ports[http].containerPort"),
        number(ChildId("Service", f"{NAME}-backend"), "spec.ports[http].port"),
    ),
    "application.env": everywhere(holds, APPLICATION, f"{CONTAINER}.env"),
    "application.envNames.host": _variable("", lambda _spec: {"value": _HOST}),
    "application.envNames.port": _variable("", lambda _spec: {"value": "3306"}),
    "application.envNames.database": _variable("", _schema),
    "application.envNames.user": _variable("", _user),
    "application.envNames.password": _variable("", _password),
    "application.envNames.caFile": _variable("", lambda _spec: {"value": _CA_FILE}),
    "application.configFiles": _config_files,
    **dict(_probe("startup")),
    **dict(_probe("liveness")),
    **{field: _all(look, _checked) for field, look in _probe("readiness")},
    "application.terminationGracePeriodSeconds": _grace,
    "application.podSecurityContext": everywhere(holds, APPLICATION, f"{POD}.securityContext"),
    "application.securityContext": everywhere(holds, APPLICATION, f"{CONTAINER}.securityContext"),
    "application.volumes": everywhere(holds, APPLICATION, f"{POD}.volumes"),
    "application.volumeMounts": everywhere(holds, APPLICATION, f"{CONTAINER}.volumeMounts"),
    "database.image": equal(WORKLOADS["database"][0], f"{POD}.containers[mysql].image"),
    "database.name": _variable("database", _schema),
    "database.user.name": _variable("user", _user),
    "database.user.passwordSecretRef": _variable("password", _password),
    "database.storage.size": equal(_CLAIM, "spec.resources.requests.storage"),
    "database.storage.storageClassName": equal(_CLAIM, "spec.storageClassName"),
    "database.config": _options,
    "backend.replicas": _all(number(WORKLOADS["backend"][0], "spec.replicas"), _budget),
    "backend.rollout.maxSurge": number(WORKLOADS["backend"][0], "spec.strategy.rollingUpdate.maxSurge"),
    "backend.rollout.maxUnavailable": number(
        WORKLOADS["backend"][0], "spec.strategy.rollingUpdate.maxUnavailable"
    ),
    "backend.drainTimeoutSeconds": _grace,
    "backend.drainedNodes": _declared("drained"),
    "backend.external": _declared("external"),
    "management.servesTraffic": _serves,
    "frontend.image": equal(WORKLOADS["frontend"][0], f"{POD}.containers[haproxy].image"),
    **traffic.PLACES,
    **places_edge.PLACES,
    **places_network.PLACES,
    "frontend.replicas": number(WORKLOADS["frontend"][0], "spec.replicas"),
    "frontend.tls.secretRefs": _certificates,
    "frontend.tls.redirect": _redirect,
    "frontend.tls.hstsSeconds": _hsts,
    "frontend.tls.clientCASecretRef.name": equal(
        WORKLOADS["frontend"][0], f"{POD}.volumes[client-ca].secret.secretName"
    ),
    **{
        f"frontend.balancing.{field}": _told_to_the_sidecar(variable)
        for field, variable in (
            ("slowStartSeconds", "PBA_SLOW_START_SECONDS"),
            ("latePercent", "PBA_LATE_PERCENT"),
            ("lateMilliseconds", "PBA_LATE_MILLISECONDS"),
            ("trialPeriodSeconds", "PBA_TRIAL_PERIOD_SECONDS"),
            ("maxOutPercent", "PBA_MAX_OUT_PERCENT"),
        )
    },
    "frontend.sessionAffinity": _affinity,
    "frontend.accessLog": _access_log,
    **{
        f"service.{field}": equal(_SERVICE, f"spec.{field}")
        for field in (
            "type",
            "loadBalancerClass",
            "loadBalancerSourceRanges",
            "externalTrafficPolicy",
            "ipFamilyPolicy",
        )
    },
    "service.annotations": holds(_SERVICE, "metadata.annotations"),
    **{field: look for role in WORKLOADS for field, look in _pod(role)},
}
"""By the path of the field."""


def unseen(spec: Json, children: Children) -> list[str]:
    """Return what a spec says, as the API server has stored it, and the planned children do not show."""
    found: list[str] = []
    for path, look in PLACES.items():
        value = at(spec, path)
        if value is not None:
            found.extend(f"{path}: {wrong}" for wrong in look(value, spec, children))
    return found
