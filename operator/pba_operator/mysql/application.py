"""The application's schema, account, grants and password in MySQL; only what differs is written.

What must stay true: the password is proven by logging in with it, before it is changed (so that an unchanged one
costs no write) and after; what else the administrators of the server have granted is left alone. Statements go
to the binary log: they are part of the data.
"""

from __future__ import annotations

from typing import Final

from pba_operator.mysql.errors import LoginRefused, Refused
from pba_operator.mysql.session import Connect, Login, Server, Session, identifier, session

_ANYWHERE: Final = "%"
"""The host part of the account: pods come from any address."""


def ensure(admin: Session, server: Server, schema: str, user: Login, *, connect: Connect) -> None:
    """Bring the application's schema and account to what is asked.

    Args:
        admin: A session of the operator's.
        server: Where it is, to log in as the application.
        schema: The application's schema.
        user: The application's account.
        connect: Makes a connection, as `pymysql.connect`.

    Raises:
        DatabaseError: MySQL did not answer, or refused.
    """
    _ensure_schema(admin, schema)
    _ensure_account(admin, user)
    _ensure_grants(admin, schema, user.user)
    _ensure_password(admin, server, schema, user, connect)


def _ensure_schema(admin: Session, schema: str) -> None:
    found = "SELECT 1 FROM information_schema.schemata WHERE schema_name = %s"
    if not admin.rows(found, schema):
        admin.execute(f"CREATE DATABASE IF NOT EXISTS {identifier(schema)}")


def _ensure_account(admin: Session, user: Login) -> None:
    found = "SELECT account_locked, password_expired FROM mysql.user WHERE user = %s AND host = %s"
    rows = admin.rows(found, user.user, _ANYWHERE)
    if not rows:
        create = "CREATE USER IF NOT EXISTS %s@%s IDENTIFIED WITH caching_sha2_password BY %s PASSWORD EXPIRE NEVER"
        admin.execute(create, user.user, _ANYWHERE, user.password)
        return
    is_locked, is_expired = (str(value) == "Y" for value in rows[0])
    if is_locked:
        admin.execute("ALTER USER %s@%s ACCOUNT UNLOCK", user.user, _ANYWHERE)
    if is_expired:
        _set_password(admin, user)


def _ensure_grants(admin: Session, schema: str, name: str) -> None:
    """Grant the application everything in its own schema, and nothing else: it brings its tables along."""
    pattern = _grant_pattern(admin, schema)
    columns = [str(row[0]) for row in admin.rows("SHOW COLUMNS FROM mysql.db LIKE '%%\\_priv'")]
    granted = ", ".join(identifier(column) for column in columns if column != "Grant_priv")
    query = f"SELECT {granted} FROM mysql.db WHERE user = %s AND host = %s AND db = %s"  # noqa: S608 - columns
    rows = admin.rows(query, name, _ANYWHERE, pattern)
    if not rows or any(str(value) != "Y" for value in rows[0]):
        admin.execute(f"GRANT ALL PRIVILEGES ON {identifier(pattern)}.* TO %s@%s", name, _ANYWHERE)


def _grant_pattern(admin: Session, schema: str) -> str:
    """Return the schema as GRANT wants it: `_` and `%` are wildcards there, unless partial_revokes is on.

    Source: "Privileges Supported by MySQL", GRANT statement, in the MySQL manual.
    """
    if admin.rows("SELECT @@partial_revokes")[0][0]:
        return schema
    return schema.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")


def _ensure_password(admin: Session, server: Server, schema: str, user: Login, connect: Connect) -> None:
    if _can_log_in(server, schema, user, connect):
        return
    _set_password(admin, user)
    if not _can_log_in(server, schema, user, connect):
        raise Refused(_explanation(admin, user))


def _set_password(admin: Session, user: Login) -> None:
    statement = "ALTER USER %s@%s IDENTIFIED WITH caching_sha2_password BY %s PASSWORD EXPIRE NEVER"
    admin.execute(statement, user.user, _ANYWHERE, user.password)


def _can_log_in(server: Server, schema: str, user: Login, connect: Connect) -> bool:
    try:
        with session(server, user, schema=schema, connect=connect) as application:
            application.rows("SELECT 1")
    except LoginRefused:
        return False
    return True


def _explanation(admin: Session, user: Login) -> str:
    others = admin.rows("SELECT host FROM mysql.user WHERE user = %s AND host <> %s", user.user, _ANYWHERE)
    if others:
        hosts = ", ".join(f"'{user.user}'@'{row[0]}'" for row in others)
        return f"the accounts {hosts} go before '{user.user}'@'%', which is the application's: drop them"
    return f"'{user.user}'@'%' cannot log in with the password that was just set: see the server's log"
