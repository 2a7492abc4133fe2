"""Which options of mysqld a PBACluster's `database.config` may set: all but those that the operator sets itself.

Written once for the CRD's rule and for the operator, which refuses them again: an object may have been stored
before a name came onto the list. The pattern is in the subset that Python's `re` and CEL's RE2 share.
"""

from __future__ import annotations

import re
from typing import Final

NAME_PATTERN: Final = r"^[A-Za-z][A-Za-z0-9_.-]{0,127}$"
"""The name of an option, or of a component's variable (with a dot)."""

RESERVED: Final = (
    "auto_generate_certs",
    "basedir",
    "bind_address",
    "binlog_format",
    "chroot",
    "daemonize",
    "datadir",
    "enforce_gtid_consistency",
    "grant_tables",
    "group_replication_.*",
    "gtid_mode",
    "init_file",
    "initialize",
    "initialize_insecure",
    "innodb_data_home_dir",
    "innodb_log_group_home_dir",
    "innodb_temp_tablespaces_dir",
    "innodb_undo_directory",
    "log_bin",
    "log_bin_index",
    "log_error",
    "log_replica_updates",
    "log_slave_updates",
    "mysqlx",
    "name_resolve",
    "networking",
    "pid_file",
    "plugin_dir",
    "plugin_load",
    "port",
    "read_only",
    "relay_log",
    "relay_log_index",
    "report_host",
    "report_port",
    "secure_file_priv",
    "server_id",
    "socket",
    "ssl",
    "ssl_ca",
    "ssl_cert",
    "ssl_key",
    "super_read_only",
    "tmpdir",
    "upgrade",
    "user",
)
"""Names (patterns), with underscores and without the prefixes that mysqld lets one put before any option."""

RESERVED_PATTERN: Final = f"^(?:(?:loose|skip|disable|enable|maximum)_)*(?:{'|'.join(RESERVED)})$"
"""Matches a reserved name in lower case, its dashes written as underscores."""


def is_reserved(name: str) -> bool:
    """Tell whether the operator sets the option `name` itself, however it is written."""
    return re.match(RESERVED_PATTERN, name.lower().replace("-", "_")) is not None
