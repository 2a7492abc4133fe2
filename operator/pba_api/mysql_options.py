"""Which options of mysqld a PBACluster's `database.config` may set: all but those that the operator sets itself.

Written once for the CRD's rule and for the operator, which refuses them again: an object may have been stored
before a name came onto the list. What must stay true: an option that we set, or that would take data, sockets,
accounts or replication out of our hands, cannot be given under any spelling. The patterns are in the subset that
Python's `re` and CEL's RE2 share.
"""

from __future__ import annotations

import re
from typing import Final

NAME_PATTERN: Final = r"^[a-z][a-z0-9_.]{0,127}$"
"""The name of an option, or of a component's variable (with a dot): in lower case and with underscores, so that no
option can be given twice in two spellings."""

RESERVED: Final = (
    "admin_address",
    "admin_port",
    "admin_(ssl|tls)_.*",
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
    "defaults_.*",
    "early_plugin_load",
    "enforce_gtid_consistency",
    "grant_tables",
    "group_replication_.*",
    "gtid_mode",
    "init_file",
    "initialize.*",
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
    "mysqlx_.*",
    "name_resolve",
    "networking",
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
    "report_.*",
    "secure_file_priv",
    "server_id",
    "server_id_bits",
    "slave_load_tmpdir",
    "socket",
    "ssl",
    "(ssl|tls)_.*",
    "super_read_only",
    "tmpdir",
    "upgrade",
    "user",
    "validate_config",
)
"""Names (patterns), with underscores and without the prefixes that mysqld lets one put before any option."""

RESERVED_PATTERN: Final = f"^(?:(?:loose|skip|disable|enable|maximum)_)*(?:{'|'.join(RESERVED)})$"
"""Matches a reserved name in lower case, its dashes written as underscores."""


def is_reserved(name: str) -> bool:
    """Tell whether the operator sets the option `name` itself, however it is written."""
    return re.match(RESERVED_PATTERN, name.lower().replace("-", "_")) is not None
