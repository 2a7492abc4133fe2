"""Where things lie in a member's pod, and as whom mysqld runs; written once for the pod and for what runs in it."""

from __future__ import annotations

from typing import Final

from pba_api.reserved import OWN_FOLDER

USER: Final = 999
"""The user and group of mysqld; the official image's own, too. Any image must run as it."""

VOLUME_DIR: Final = "/var/lib/mysql"
"""The member's volume. Not the data directory itself: a new file system holds `lost+found`."""
DATA_DIR: Final = f"{VOLUME_DIR}/data"
UNFINISHED_DIR: Final = f"{VOLUME_DIR}/initializing"
"""Where a data directory is made before it is renamed: what lies here is not data yet."""

CONFIG_DIR: Final = f"{OWN_FOLDER}/mysql"
ADMIN_DIR: Final = f"{OWN_FOLDER}/mysql-admin"
TLS_DIR: Final = f"{OWN_FOLDER}/mysql-tls"
TMP_DIR: Final = "/tmp"  # noqa: S108 - the pod's own, an emptyDir
RUN_DIR: Final = "/run/mysqld"
SOCKET: Final = f"{RUN_DIR}/mysqld.sock"

CONFIG_FILE: Final = "my.cnf"
SCRIPT_FILE: Final = "start.sh"
UNLOCK_FILE: Final = "unlock.sql"
LOCAL_FILE: Final = "local.sql"

PROBE_USER: Final = "pba_probe"
"""An account that may do nothing, from within the pod only: readiness asks as it."""

RELAY_LOG: Final = "relay"
"""The base name of relay logs: by the group's one, the start script knows a volume that is in a group."""
