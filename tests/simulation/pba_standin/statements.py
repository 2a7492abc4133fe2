"""The statements that the stand-in knows, as data: those of the operator, of its init SQL, and of who tests it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Name:
    """An account's name: `'user'@'host'`."""

    user: str
    host: str

    def __str__(self) -> str:
        return f"'{self.user}'@'{self.host}'"


@dataclass(frozen=True)
class SelectConstant:
    """`SELECT 1`."""

    value: str


@dataclass(frozen=True)
class SelectVersion:
    """`SELECT VERSION()`."""


@dataclass(frozen=True)
class SelectVariable:
    """`SELECT @@name`, `SELECT @@GLOBAL.name`."""

    name: str
    shown: str
    """The column's name: as it was asked for."""


@dataclass(frozen=True)
class Comparison:
    """`column = 'value'`, or `column <> 'value'`."""

    column: str
    value: str
    is_equal: bool


@dataclass(frozen=True)
class SelectRows:
    """`SELECT columns FROM schema.table WHERE all of the comparisons`; a column of digits is a constant."""

    columns: tuple[str, ...]
    table: str
    where: tuple[Comparison, ...]


@dataclass(frozen=True)
class ShowColumns:
    """`SHOW COLUMNS FROM schema.table LIKE 'pattern'`."""

    table: str
    pattern: str


@dataclass(frozen=True)
class SetNames:
    """`SET NAMES utf8mb4`."""

    charset: str


@dataclass(frozen=True)
class SetVariable:
    """`SET GLOBAL name = value`, `SET SESSION name = value`, `SET name = value`."""

    name: str
    value: str
    is_global: bool


@dataclass(frozen=True)
class CreateSchema:
    """`CREATE DATABASE [IF NOT EXISTS] name`."""

    name: str
    unless_there: bool


@dataclass(frozen=True)
class DropSchema:
    """`DROP DATABASE [IF EXISTS] name`."""

    name: str
    if_there: bool


@dataclass(frozen=True)
class Settings:
    """What CREATE USER and ALTER USER say of an account; None: nothing."""

    password: str | None = field(default=None, repr=False)
    is_locked: bool | None = None
    is_expired: bool | None = None
    needs_tls: bool | None = None

    def and_then(self, later: Settings) -> Settings:
        """Return both, of which the later one wins."""
        said = {name: value for name, value in vars(later).items() if value is not None}
        return replace(self, **said)


@dataclass(frozen=True)
class CreateUser:
    """`CREATE USER [IF NOT EXISTS] name ...`."""

    name: Name
    settings: Settings
    unless_there: bool


@dataclass(frozen=True)
class AlterUser:
    """`ALTER USER [IF EXISTS] name ...`."""

    name: Name
    settings: Settings
    if_there: bool


@dataclass(frozen=True)
class DropUsers:
    """`DROP USER [IF EXISTS] name, ...`."""

    names: tuple[Name, ...]
    if_there: bool


@dataclass(frozen=True)
class Grant:
    """`GRANT privileges ON level TO name [WITH GRANT OPTION]`."""

    privileges: tuple[str, ...]
    """`ALL`, or their names."""
    level: str
    """The pattern of a schema's name; "" is for `*.*`."""
    name: Name
    with_grant_option: bool


@dataclass(frozen=True)
class Revoke:
    """`REVOKE privileges ON level FROM name`."""

    privileges: tuple[str, ...]
    level: str
    name: Name


@dataclass(frozen=True)
class RevokeAll:
    """`REVOKE ALL PRIVILEGES, GRANT OPTION FROM name`."""

    name: Name


Statement = (
    SelectConstant
    | SelectVersion
    | SelectVariable
    | SelectRows
    | ShowColumns
    | SetNames
    | SetVariable
    | CreateSchema
    | DropSchema
    | CreateUser
    | AlterUser
    | DropUsers
    | Grant
    | Revoke
    | RevokeAll
)
