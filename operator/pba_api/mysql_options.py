"""Which options of mysqld a PBACluster's `database.config` may set: all but those that the operator sets itself.

Written once for the CRD's rules and for the operator, which refuses them again: an object may have been stored
before a name came onto the list. What must stay true: an option that we set, or that would take data, sockets,
accounts or replication out of our hands, cannot be given under any spelling. A name has one spelling here (lower case,
underscores): mysqld takes dashes, too, and prefixes before any option (my_getopt.cc); `skip_`, which is part of many
names, is refused where an option of ours follows.
"""

from __future__ import annotations

import re
from typing import Final

NAME_PATTERN: Final = r"^[a-z][a-z0-9_]*([.][a-z0-9_]+)?$"
"""The name of an option, or of a component's variable (with a dot)."""

LONGEST_NAME: Final = 100
"""Characters; MySQL's own longest has 62. With the longest value it fits into a line of my.cnf."""

OWNED_OPTIONS: Final = (
    "admin_address",
    "admin_port",
    "auto_generate_certs",
    "basedir",
    "bind_address",
    "binlog_checksum",
    "binlog_format",
    "chroot",
    "console",
    "create_admin_listener_thread",
    "daemonize",
    "datadir",
    "early_plugin_load",
    "enforce_gtid_consistency",
    "gtid_mode",
    "help",
    "init_file",
    "innodb_data_home_dir",
    "innodb_directories",
    "innodb_log_group_home_dir",
    "innodb_read_only",
    "innodb_temp_tablespaces_dir",
    "innodb_undo_directory",
    "log_bin",
    "log_bin_index",
    "log_error",
    "log_replica_updates",
    "log_slave_updates",
    "mysqlx",
    "no_defaults",
    "offline_mode",
    "persisted_globals_load",
    "pid_file",
    "plugin_dir",
    "plugin_load",
    "plugin_load_add",
    "port",
    "read_only",
    "relay_log",
    "relay_log_index",
    "replica_load_tmpdir",
    "secure_file_priv",
    "server_id",
    "server_id_bits",
    "skip_grant_tables",
    "skip_name_resolve",
    "skip_networking",
    "slave_load_tmpdir",
    "socket",
    "ssl",
    "super_read_only",
    "tmpdir",
    "upgrade",
    "user",
    "validate_config",
    "verbose",
    "version",
)
"""What the operator sets, and what would keep the server from starting, from clients or from a group."""

OWNED_PREFIXES: Final = (
    "admin_ssl_",
    "admin_tls_",
    "defaults_",
    "disable_",
    "enable_",
    "group_replication_",
    "initialize",
    "loose_",
    "maximum_",
    "mysqlx_",
    "report_",
    "ssl_",
    "tls_",
)
"""Groups of such options, and the prefixes that mysqld takes before any option."""

SKIP: Final = "skip_"
"""Before any option: it is switched off, or set to 0."""


def is_settable(name: str) -> bool:
    """Tell whether `database.config` may set the option `name`."""
    if re.fullmatch(NAME_PATTERN.strip("^$"), name) is None:
        return False
    meant = (name, name.removeprefix(SKIP))
    return not any(option in OWNED_OPTIONS or option.startswith(OWNED_PREFIXES) for option in meant)
