"""The web application: its image, and the few facts about it that we need."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pba_api.fields import fields_of
from pba_api.markers import Default, Doc, Items, Kubernetes, Number, Required, Rule, Text
from pba_api.reserved import OWN_FOLDER, VOLUME_PREFIX
from pba_api.types.common import AbsolutePath, Image, Json, KeyReference
from pba_api.types.kubernetes_rules import localhost_profile

_Argument = Annotated[str, Text(max_length=4096, pattern=r"^[^\x00]*$")]
_VariableName = Annotated[str, Text(min_length=1, max_length=128, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_UrlPath = Annotated[str, Text(min_length=1, max_length=512, pattern=r"^/[!-~]*$")]

VOLUME_KINDS = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "nfs",
    "persistentVolumeClaim",
    "projected",
    "secret",
)
"""What a volume of the application may be. No hostPath: it would break the Pod Security Standard; no image: before
Kubernetes 1.35 it is dropped silently."""
_VOLUME_SOURCES = "[{}]".format(", ".join(f"has(v.{kind})" for kind in VOLUME_KINDS))
_VALUE_KINDS = ("configMapKeyRef", "fieldRef", "resourceFieldRef", "secretKeyRef")
_VALUE_SOURCES = "[{}]".format(", ".join(f"has(e.valueFrom.{kind})" for kind in _VALUE_KINDS))


def _given(field: str, default: str) -> str:
    """Return, in CEL, what the application's container has in a field of its security context."""
    in_pod = f"has(self.podSecurityContext) && has(self.podSecurityContext.{field})"
    in_container = f"has(self.securityContext) && has(self.securityContext.{field})"
    of_pod = f"({in_pod} ? self.podSecurityContext.{field} : {default})"
    return f"({in_container} ? self.securityContext.{field} : {of_pod})"


@dataclass(frozen=True)
class EnvNames:
    """The names of the environment variables in which the application finds its database."""

    host: Annotated[_VariableName, Doc("Variable with the database's host name."), Default("DB_HOST")]
    port: Annotated[_VariableName, Doc("Variable with the database's port."), Default("DB_PORT")]
    database: Annotated[_VariableName, Doc("Variable with the name of the schema."), Default("DB_NAME")]
    user: Annotated[_VariableName, Doc("Variable with the name of the account."), Default("DB_USER")]
    password: Annotated[_VariableName, Doc("Variable with the account's password."), Default("DB_PASSWORD")]
    ca_file: Annotated[
        _VariableName,
        Doc("Variable with the path of the file that holds the certificate authority of the database's TLS."),
        Default("DB_CA"),
    ]


DATABASE_FACTS = tuple(field.json_name for field in fields_of(EnvNames))
"""What the application is told of its database: by variables, and by placeholders of the same names."""
_ENV_NAMES = "[{}]".format(", ".join(f"self.envNames.{name}" for name in DATABASE_FACTS))
_PLACEHOLDERS = [f"${{{name}}}" for name in DATABASE_FACTS]


@dataclass(frozen=True)
class ConfigFile:
    """A file rendered from a template in a ConfigMap; `${host}` and its like are filled in."""

    path: Annotated[
        AbsolutePath,
        Doc("Where the file appears in the application's containers: an absolute path."),
        Required(),
        Rule(
            r"!self.matches('(^|/)\\.\\.?(/|$)') && !self.contains('//')",
            "path must be absolute and plain: write it without '.', '..' and doubled slashes",
        ),
    ]
    template_ref: Annotated[
        KeyReference,
        Doc(
            f"The ConfigMap and key with the template. {', '.join(_PLACEHOLDERS[:-1])} and {_PLACEHOLDERS[-1]} are "
            "filled in; all else stays as it is."
        ),
        Required(),
    ]


@dataclass(frozen=True)
class Probe:
    """An HTTP probe of the application."""

    path: Annotated[
        _UrlPath, Doc("The path that is asked for; a status of 200 to 399 passes."), Default("/healthz")
    ]
    period_seconds: Annotated[int, Doc("Seconds from one probe to the next."), Default(10), Number(1, 3600)]
    timeout_seconds: Annotated[
        int, Doc("Seconds after which a probe without an answer has failed."), Default(5), Number(1, 3600)
    ]
    failure_threshold: Annotated[
        int, Doc("How many failed probes in a row count as a failure."), Default(3), Number(1, 1000)
    ]


@dataclass(frozen=True)
class Probes:
    """The application's three probes."""

    startup: Annotated[
        Probe,
        Doc(
            "Asked until it passes once, before the other two; a container that never passes is started anew."
        ),
        Default({"path": "/healthz", "periodSeconds": 2, "failureThreshold": 60}),
    ]
    readiness: Annotated[
        Probe,
        Doc("While it fails, the node gets no requests."),
        Default({"path": "/healthz/ready", "periodSeconds": 2, "timeoutSeconds": 2}),
    ]
    liveness: Annotated[
        Probe,
        Doc("When it fails, the container is started anew; it should not depend on the database."),
        Default({"path": "/healthz", "failureThreshold": 6}),
    ]


@dataclass(frozen=True)
class Application:
    """The web application: its image and the few facts about it that we need."""

    RULES: ClassVar = (
        Rule(
            f"!has(self.env) || !self.env.exists(e, e.name in {_ENV_NAMES})",
            "application.env sets a variable that application.envNames names for the database: remove it from "
            "env, or give envNames another name",
            field_path=".env",
        ),
        Rule(
            f"{_ENV_NAMES}.all(n, {_ENV_NAMES}.exists_one(m, m == n))",
            "the names in application.envNames must differ from each other (those not given are DB_HOST, DB_PORT, "
            "DB_NAME, DB_USER, DB_PASSWORD and DB_CA)",
            field_path=".envNames",
        ),
        Rule(
            "!has(self.volumeMounts) || self.volumeMounts.all(m, has(self.volumes) && "
            "self.volumes.exists(v, v.name == m.name))",
            "every name in application.volumeMounts must be that of an entry in application.volumes: add the volume, "
            "or correct the name",
            field_path=".volumeMounts",
        ),
        Rule(
            "!has(self.volumeMounts) || !has(self.configFiles) || "
            "!self.volumeMounts.exists(m, self.configFiles.exists(f, f.path == m.mountPath))",
            "application.volumeMounts and application.configFiles must not use the same path: change one of them",
            field_path=".volumeMounts",
        ),
        Rule(
            f"{_given('runAsUser', '1')} != 0 || !{_given('runAsNonRoot', 'true')}",
            "application runs as user 0 (runAsUser) while runAsNonRoot is true, which is the default: set "
            "runAsNonRoot to false beside it, or choose another user",
            field_path=".securityContext",
        ),
    )

    image: Annotated[
        Image, Doc("The application's container image; its tag or digest is its version."), Required()
    ]
    image_pull_policy: Annotated[
        str,
        Doc("When the image is pulled."),
        Default("IfNotPresent"),
        Text(one_of=("Always", "IfNotPresent", "Never")),
    ]
    command: Annotated[
        tuple[_Argument, ...], Doc("Replaces the image's entry point, as in a container."), Items(100)
    ]
    args: Annotated[
        tuple[_Argument, ...], Doc("Replaces the image's arguments, as in a container."), Items(200)
    ]
    port: Annotated[
        int, Doc("The port on which the application serves HTTP."), Default(8080), Number(1, 65535)
    ]
    env: Annotated[
        tuple[Annotated[Json, Kubernetes("io.k8s.api.core.v1.EnvVar")], ...],
        Doc(
            "Environment variables, as in a container; those for the database are set by themselves (envNames)."
        ),
        Items(200, keys=("name",)),
        Rule(
            "!self.exists(e, has(e.value) && e.value != '' && has(e.valueFrom))",
            "an entry of application.env must not have both value and valueFrom: remove one of them",
        ),
        Rule(
            f"self.all(e, !has(e.valueFrom) || {_VALUE_SOURCES}.exists_one(given, given))",
            f"valueFrom of an entry of application.env must have exactly one of {', '.join(_VALUE_KINDS)}: add it, or "
            "remove what is too much",
        ),
    ]
    env_from: Annotated[
        tuple[Annotated[Json, Kubernetes("io.k8s.api.core.v1.EnvFromSource")], ...],
        Doc("ConfigMaps and Secrets whose keys become environment variables, as in a container."),
        Items(50),
        Rule(
            "self.all(e, has(e.configMapRef) != has(e.secretRef))",
            "each of application.envFrom must have either configMapRef or secretRef",
        ),
    ]
    env_names: Annotated[
        EnvNames,
        Doc("The names of the environment variables in which the application finds its database."),
        Default({}),
    ]
    config_files: Annotated[
        tuple[ConfigFile, ...],
        Doc(
            "Configuration files rendered from templates in ConfigMaps, with the database's coordinates filled in."
        ),
        Items(20, keys=("path",)),
        Rule(
            f"!self.exists(f, f.path == '{OWN_FOLDER}' || f.path.startsWith('{OWN_FOLDER}/'))",
            f"{OWN_FOLDER} is the operator's own folder: choose another path",
        ),
    ]
    probes: Annotated[
        Probes, Doc("The HTTP probes that tell started, ready and alive from one another."), Default({})
    ]
    termination_grace_period_seconds: Annotated[
        int,
        Doc("Seconds that a node has to finish its requests after SIGTERM, before it is killed."),
        Default(60),
        Number(0, 86400),
    ]
    pod_security_context: Annotated[
        Json,
        Doc(
            "Replaces fields of the pods' security context. What is not given meets the Pod Security Standard "
            "'restricted'; loosen it only for an image that needs it."
        ),
        Kubernetes("io.k8s.api.core.v1.PodSecurityContext"),
        *localhost_profile("podSecurityContext"),
    ]
    security_context: Annotated[
        Json,
        Doc(
            "Replaces fields of the containers' security context. What is not given meets the Pod Security Standard "
            "'restricted'; loosen it only for an image that needs it."
        ),
        Kubernetes("io.k8s.api.core.v1.SecurityContext"),
        *localhost_profile("securityContext"),
        Rule(
            "!(has(self.privileged) && self.privileged) || "
            "(has(self.allowPrivilegeEscalation) && self.allowPrivilegeEscalation)",
            "securityContext.privileged needs allowPrivilegeEscalation: true beside it: add it, or remove privileged",
        ),
    ]
    volumes: Annotated[
        tuple[Annotated[Json, Kubernetes("io.k8s.api.core.v1.Volume")], ...],
        Doc(
            f"Further volumes of the application's pods; names that begin with '{VOLUME_PREFIX}' are the operator's."
        ),
        Items(50, keys=("name",)),
        Rule(
            f"self.all(v, {_VOLUME_SOURCES}.exists_one(given, given))",
            "each of application.volumes must have exactly one source, of "
            f"{', '.join(VOLUME_KINDS)}: add it, or remove what is too much",
        ),
        Rule(
            f"!self.exists(v, v.name.startsWith('{VOLUME_PREFIX}'))",
            f"names of volumes that begin with '{VOLUME_PREFIX}' are the operator's: choose another name",
        ),
    ]
    volume_mounts: Annotated[
        tuple[Annotated[Json, Kubernetes("io.k8s.api.core.v1.VolumeMount")], ...],
        Doc("Where the application's containers see these volumes."),
        Items(100, keys=("mountPath",)),
        Rule(
            r"self.all(m, m.mountPath.startsWith('/') && !m.mountPath.matches('(^|/)\\.\\.?(/|$)') && "
            "!m.mountPath.contains('//'))",
            "a mountPath must be absolute and plain: begin with '/', without '.', '..' and doubled slashes",
        ),
        Rule(
            "!self.exists(m, has(m.subPath) && m.subPath != '' && has(m.subPathExpr) && m.subPathExpr != '')",
            "an entry of application.volumeMounts must not have both subPath and subPathExpr: remove one of them",
        ),
        Rule(
            f"!self.exists(m, m.mountPath == '{OWN_FOLDER}' || m.mountPath.startsWith('{OWN_FOLDER}/'))",
            f"{OWN_FOLDER} is the operator's own folder: choose another mountPath",
        ),
    ]
