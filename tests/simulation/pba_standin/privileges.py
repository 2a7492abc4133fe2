"""What an account may do: the names of privileges, the columns that keep them, and the schemas that a grant is for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

OF_SCHEMAS: Final = {
    "SELECT": "Select_priv",
    "INSERT": "Insert_priv",
    "UPDATE": "Update_priv",
    "DELETE": "Delete_priv",
    "CREATE": "Create_priv",
    "DROP": "Drop_priv",
    "GRANT OPTION": "Grant_priv",
    "REFERENCES": "References_priv",
    "INDEX": "Index_priv",
    "ALTER": "Alter_priv",
    "CREATE TEMPORARY TABLES": "Create_tmp_table_priv",
    "LOCK TABLES": "Lock_tables_priv",
    "CREATE VIEW": "Create_view_priv",
    "SHOW VIEW": "Show_view_priv",
    "CREATE ROUTINE": "Create_routine_priv",
    "ALTER ROUTINE": "Alter_routine_priv",
    "EXECUTE": "Execute_priv",
    "EVENT": "Event_priv",
    "TRIGGER": "Trigger_priv",
}
"""Each with its column in `mysql.db`, in the order of the columns (MySQL 9.7.4)."""
OF_SERVER: Final = {
    **OF_SCHEMAS,
    "CREATE USER": "Create_user_priv",
    "PROCESS": "Process_priv",
    "SHOW DATABASES": "Show_db_priv",
    "SUPER": "Super_priv",
}
"""Each with its column in `mysql.user`. There are more; these are known here."""


def named(names: Iterable[str], known: Iterable[str]) -> frozenset[str] | None:
    """Return the privileges that a statement names; None if one is not known.

    Args:
        names: as written; ALL stands for all but GRANT OPTION.
        known: those of the level that they are for.
    """
    wanted = set(names)
    if wanted == {"ALL"}:
        return frozenset(known) - {"GRANT OPTION"}
    return frozenset(wanted) if wanted <= set(known) else None


def is_for(pattern: str, schema: str, *, is_literal: bool) -> bool:
    r"""Tell whether a grant on `pattern` is for a schema.

    Args:
        pattern: with `_` for any character, `%` for any text, `\\` before what stands for itself.
        schema: its name.
        is_literal: whether the pattern is just a name (`partial_revokes` is on).
    """
    if is_literal:
        return pattern == schema
    pieces = re.findall(r"\\(.)|(.)", pattern, re.DOTALL)
    wild = {"_": ".", "%": ".*"}
    expression = "".join(re.escape(escaped) or wild.get(plain, re.escape(plain)) for escaped, plain in pieces)
    return re.fullmatch(expression, schema, re.DOTALL) is not None
