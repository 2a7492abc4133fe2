"""What runs in a member's pod: a shell script that makes the data directory once and becomes mysqld.

It depends on no image's entrypoint. What must stay true:

- Killed at any point, it starts anew without loss. The data directory is made beside its place and renamed when
  it is complete and on disk; what was not renamed is not data, and is removed.
- No value is ever put into shell text: values come as files, or as variables that are only expanded in quotes.
- The server comes up read-only (my.cnf). Only where no group decides who writes, the script has mysqld make
  itself writable, before it takes the first connection. A volume that is in a group tells so itself: MySQL keeps
  the relay log of the channel `group_replication_applier` there from its first `START GROUP_REPLICATION` until
  `RESET REPLICA ALL FOR CHANNEL 'group_replication_applier'` says that it has left for good (measured, 9.7.4).
- The operator's account is made at each start from the admin Secret, so that a Secret made anew heals. It is
  not written to the binary log: it belongs to the server, not to the data.
- mysqld becomes the container's process: signals reach it, and its exit status is the container's. It is not the
  first of its process namespace (that is Kubernetes' pause): that one ignores what it has no handler for yet.
- The first line with [ERROR] says why it did not start: the kubelet puts the log's end into the pod's status.
"""

from __future__ import annotations

from typing import Final

from pba_operator.domain import secret_keys
from pba_operator.domain.database import layout

_PLACES: Final = f"""#!/bin/sh
# Made by the operator: makes the data directory if there is none, and becomes mysqld.
set -eu
volume={layout.VOLUME_DIR}
data={layout.DATA_DIR}
unfinished={layout.UNFINISHED_DIR}
config={layout.CONFIG_DIR}
my_cnf={layout.CONFIG_DIR}/{layout.CONFIG_FILE}
init_sql={layout.RUN_DIR}/init.sql
admin_sql={layout.ADMIN_DIR}/{secret_keys.ADMIN_SQL}
in_group={layout.DATA_DIR}/{layout.RELAY_LOG}-group_replication_applier.index
"""

_STEPS: Final = r"""
if [ ! -e "$data" ]; then
  if [ -e "$volume/ibdata1" ] || [ -e "$volume/mysql.ibd" ]; then
    echo "[ERROR] The volume holds a MySQL data directory that this operator did not make: nothing was" \
      "changed. Move its files into the folder 'data' of the volume, or give the PBACluster another volume." >&2
    exit 1
  fi
  rm -rf "$unfinished"
  mysqld --defaults-file="$my_cnf" --initialize-insecure --datadir="$unfinished" &
  trap 'kill -KILL $!; exit 143' TERM
  wait $!
  sync -f "$volume"
  mv "$unfinished" "$data"
  sync -f "$volume"
  trap - TERM
fi

if [ -e "$in_group" ]; then
  set --
else
  (umask 077; cat "$config/unlock.sql" "$admin_sql" "$config/local.sql" > "$init_sql")
  set -- --init-file="$init_sql"
fi

host="$POD_NAME.$PBA_MEMBER_DOMAIN"
exec mysqld --defaults-file="$my_cnf" \
  --server-id="$((PBA_SERVER_ID_BASE + ${POD_NAME##*-}))" \
  --report-host="$host" \
  --loose-group-replication-local-address="$host:$PBA_GROUP_PORT" \
  "$@"
"""

START_SCRIPT: Final = _PLACES + _STEPS

UNLOCK_SQL: Final = """\
SET SESSION sql_log_bin = 0;
SET GLOBAL super_read_only = OFF;
SET GLOBAL read_only = OFF;
"""
"""Before the admin Secret's SQL. mysqld stops at the first statement that fails, and starts all the same."""

LOCAL_SQL: Final = f"""\
ALTER USER IF EXISTS 'root'@'localhost' ACCOUNT LOCK;
CREATE USER IF NOT EXISTS '{layout.PROBE_USER}'@'localhost' IDENTIFIED WITH caching_sha2_password BY '';
"""
"""After it: `--initialize-insecure` leaves a root without a password, which nobody needs."""
