"""Which MySQL accounts and schemas an application may not have: MySQL's own, and the operator's accounts.

Written once for the CRD's rules and for the operator, which refuses them again: an object may have been stored
before there was a rule. What must stay true: every account that the operator makes begins with `OPERATOR_PREFIX`;
an application that had one of them could set its password, and with it take over the server.

Source: "Reserved Accounts" in the MySQL manual. Names of accounts are compared by case, names of schemas are not.
"""

from __future__ import annotations

from typing import Final

OPERATOR_PREFIX: Final = "pba_"
ADMINISTRATOR: Final = "root"
MYSQL_PREFIX: Final = "mysql."
MYSQL_SCHEMAS: Final = ("mysql", "sys", "information_schema", "performance_schema")


def is_free_account(name: str) -> bool:
    """Tell whether the application's account may be called `name`."""
    return name != ADMINISTRATOR and not name.startswith((OPERATOR_PREFIX, MYSQL_PREFIX))


def is_free_schema(name: str) -> bool:
    """Tell whether the application's schema may be called `name`."""
    return name.lower() not in MYSQL_SCHEMAS
