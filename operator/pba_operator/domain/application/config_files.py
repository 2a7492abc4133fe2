"""`application.configFiles`: templates from the user's ConfigMaps, rendered into one Secret of ours.

What must stay true: only the placeholders listed here are filled in, everything else in a template stays as it is
(a shell script or a Perl file is full of `$`), and a template that is missing is told, never rendered as empty.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from pba_api import names
from pba_api.conditions import ConditionType
from pba_api.identity import COMPONENT_MANAGEMENT
from pba_api.reserved import OWN_FOLDER
from pba_api.types import ConfigFile, PBAClusterSpec
from pba_api.types.application import DATABASE_FACTS
from pba_operator.domain.database import Connection
from pba_operator.domain.model import ChildId, Cluster, Manifest, Observed, Problem
from pba_operator.domain.ownership import metadata

CA_FILE = f"{OWN_FOLDER}/database/ca.crt"
"""Where the application finds the certificate of the database's authority."""

_PLACEHOLDER = re.compile(rf"\$\{{({'|'.join(DATABASE_FACTS)})\}}")


def secret_key(index: int) -> str:
    """Return the key under which the rendered file number `index` lies in the Secret."""
    return f"file-{index}"


def template_references(spec: PBAClusterSpec) -> tuple[ChildId, ...]:
    """Return the ConfigMaps that hold the templates."""
    wanted = {ChildId("ConfigMap", file.template_ref.name) for file in spec.application.config_files}
    return tuple(sorted(wanted))


def _template(file: ConfigFile, observed: Observed) -> str | None:
    config_map = observed.references.get(ChildId("ConfigMap", file.template_ref.name))
    if config_map is None:
        return None
    text = config_map.get("data", {}).get(file.template_ref.key)
    return text if isinstance(text, str) else None


def _render(template: str, facts: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: facts[match.group(1)], template)


def config_problems(cluster: Cluster, observed: Observed) -> list[Problem]:
    """Return a problem for each template that is not there, in the words of who must provide it."""
    problems = []
    for file in cluster.spec.application.config_files:
        if _template(file, observed) is not None:
            continue
        ref = file.template_ref
        found = observed.references.get(ChildId("ConfigMap", ref.name)) is not None
        problems.append(
            Problem(
                part=ConditionType.MANAGEMENT,
                reason="TemplateKeyMissing" if found else "TemplateMissing",
                message=(
                    f'The ConfigMap "{ref.name}" has no text under the key "{ref.key}", which '
                    f"application.configFiles names for {file.path}: add it, or correct the reference."
                    if found
                    else f'The ConfigMap "{ref.name}", which application.configFiles names for {file.path}, does '
                    f"not exist in this namespace: create it, or correct the reference."
                ),
                stalled=True,
            )
        )
    return problems


def config_secret(cluster: Cluster, observed: Observed, connection: Connection) -> Manifest | None:
    """Return the Secret with the rendered files; None without `configFiles`.

    A file whose template is missing is left out here and told by `config_problems`, which holds the pods back.
    """
    files = cluster.spec.application.config_files
    if not files:
        return None
    facts = {
        "host": connection.host,
        "port": str(connection.port),
        "database": connection.database,
        "user": connection.user,
        "password": connection.password,
        "caFile": CA_FILE,
    }
    data = {}
    for index, file in enumerate(files):
        template = _template(file, observed)
        if template is not None:
            data[secret_key(index)] = base64.b64encode(_render(template, facts).encode()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(cluster, names.application_config(cluster.name), COMPONENT_MANAGEMENT),
        "type": "Opaque",
        "data": data,
    }
