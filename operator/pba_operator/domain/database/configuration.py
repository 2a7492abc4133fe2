"""my.cnf of the members: one file for all of them; what differs by member comes on mysqld's command line.

What must stay true: a value of the user's never leaves its line, whatever it holds; the operator's own options
come last, so that they win; and from the first start the server has what a group needs, because none of it can
be given to a running server (binary log, GTIDs, plugins) or because a restarted member that is outside of its
group must not take writes (super_read_only, which the start script's SQL clears where no group decides).

The group's name must outlive its PBACluster: with the volumes kept, a later PBACluster continues the same
database, and the group's GTIDs carry the name. It must not be made from namespace and name: another, empty
database of that name would number its transactions alike, and a backup's log of the one could be taken for the
other's. So it is made from the UID of the PBACluster that made the database, which its volumes carry as a label
(`pba.dev/database-id`).

Connections without TLS are let in (`require_secure_transport=OFF`, which `database.config` may change): the
applications that this is for may be older than TLS. The operator itself always uses it.

Sources: "Using Option Files" in the MySQL manual; mysys/my_default.cc for quotes, escapes, comments and the
length of a line; InnoDB Cluster's requirements for a group.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from typing import Final

from pba_api import names, ports
from pba_api.identity import COMPONENT_DATABASE
from pba_api.mysql_options import is_settable
from pba_operator.domain import secret_keys
from pba_operator.domain.database import claims, layout, members, start_script
from pba_operator.domain.model import Cluster, Manifest, Observed
from pba_operator.domain.ownership import metadata

_LONGEST_LINE: Final = 4000
"""mysqld reads lines of at most 4,095 bytes: what is longer would become a line of its own."""
_NAMESPACE: Final = uuid.UUID("0b2f3f0e-6f0e-5a43-9d5b-3c1f5f3b8f7a")
"""Of the groups' names; any fixed one would do."""
_SERVER_IDS: Final = 4_000_000
_MEMBERS: Final = 1000
"""Server ids that one cluster may use: its base, and one more for each ordinal."""
_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\t": "\\t"})
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

_DEFAULTS: Final[Mapping[str, str]] = {
    # MySQL keeps 30 days of binary log, which can fill a volume that is sized for the data.
    "binlog_expire_logs_seconds": "604800",
    "require_secure_transport": "OFF",
}
"""Other than MySQL's own, and for `database.config` to change."""


def refused(config: Mapping[str, str]) -> list[str]:
    """Return the options in `database.config` that cannot be written to my.cnf, by name.

    The schema refuses them, too; an object may be older than its schema.
    """
    return sorted(name for name, value in config.items() if not (is_settable(name) and _fits(name, value)))


def my_cnf(cluster: Cluster, observed: Observed) -> str:
    """Return the option file of all members.

    Raises:
        ValueError: An option is `refused`.
    """
    config = cluster.spec.database.config
    sections = (
        ("Defaults, which database.config may change.", _DEFAULTS),
        ("database.config", dict(sorted(config.items()))),
        ("The operator's own.", _own(cluster, observed)),
    )
    lines = ["# Made by the operator; change database.config of the PBACluster instead.", "[mysqld]"]
    for title, options in sections:
        lines.append(f"# {title}")
        lines.extend(option(name, value) for name, value in options.items())
    return "\n".join(lines) + "\n"


def option(name: str, value: str) -> str:
    """Return one line of an option file, from which `value` cannot break out.

    Raises:
        ValueError: The value has control characters, or is too long for a line.
    """
    if not _fits(name, value):
        raise ValueError(f"the value of {name} has control characters or is too long")
    return f'{name} = "{value.translate(_ESCAPES)}"'


def _fits(name: str, value: str) -> bool:
    length = len(f'{name} = "{value.translate(_ESCAPES)}"'.encode())
    return _CONTROL.search(value) is None and length <= _LONGEST_LINE


def _own(cluster: Cluster, observed: Observed) -> dict[str, str]:
    tls = layout.TLS_DIR
    return {
        "datadir": layout.DATA_DIR,
        "socket": layout.SOCKET,
        "pid_file": f"{layout.DATA_DIR}/mysqld.pid",
        "tmpdir": layout.TMP_DIR,
        "secure_file_priv": "NULL",
        "port": str(ports.MYSQL),
        "bind_address": "*",
        "mysqlx": "OFF",
        "skip_name_resolve": "ON",
        "ssl_ca": f"{tls}/{secret_keys.CA_CERTIFICATE}",
        "ssl_cert": f"{tls}/{secret_keys.TLS_CERTIFICATE}",
        "ssl_key": f"{tls}/{secret_keys.TLS_KEY}",
        "auto_generate_certs": "OFF",
        "super_read_only": "ON",
        "log_bin": "binlog",
        "relay_log": layout.RELAY_LOG,
        "binlog_format": "ROW",
        "log_replica_updates": "ON",
        "gtid_mode": "ON",
        "enforce_gtid_consistency": "ON",
        "plugin_load_add": "group_replication.so;mysql_clone.so",
        "loose_group_replication_group_name": group_name(cluster, observed),
        "loose_group_replication_group_seeds": f"{members.host(cluster)}:{ports.MYSQL_GROUP}",
        "loose_group_replication_start_on_boot": "OFF",
        "loose_group_replication_bootstrap_group": "OFF",
        "loose_group_replication_ssl_mode": "VERIFY_CA",
        "loose_group_replication_recovery_use_ssl": "ON",
        "loose_group_replication_recovery_ssl_ca": f"{tls}/{secret_keys.CA_CERTIFICATE}",
        "loose_group_replication_recovery_ssl_verify_server_cert": "ON",
    }


def group_name(cluster: Cluster, observed: Observed) -> str:
    """Return the UUID of the members' group, which stays as long as the database does."""
    return str(uuid.uuid5(_NAMESPACE, claims.database_id(cluster, observed)))


def server_id_base(cluster: Cluster) -> int:
    """Return the number below all server ids of this cluster's members, each plus its ordinal.

    From namespace and name, so that it stays over re-creation, and hardly ever meets that of a server outside
    (mostly 1) from which data is replicated.
    """
    digest = hashlib.sha256(f"{cluster.namespace}/{cluster.name}".encode()).digest()
    return (1 + int.from_bytes(digest[:4]) % _SERVER_IDS) * _MEMBERS


def fingerprint(cluster: Cluster) -> str:
    """Return a hash of what the user says of mysqld's options: a change restarts the members.

    The operator's own part is left out: an update of the operator restarts no database. What it changes takes
    effect at the next start.
    """
    return hashlib.sha256(json.dumps(dict(cluster.spec.database.config), sort_keys=True).encode()).hexdigest()


def config_map(cluster: Cluster, observed: Observed) -> Manifest:
    """Return the ConfigMap with my.cnf and what the members run at their start."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(cluster, names.database(cluster.name), COMPONENT_DATABASE),
        "data": {
            layout.CONFIG_FILE: my_cnf(cluster, observed),
            layout.SCRIPT_FILE: start_script.START_SCRIPT,
            layout.UNLOCK_FILE: start_script.UNLOCK_SQL,
            layout.LOCAL_FILE: start_script.LOCAL_SQL,
        },
    }
