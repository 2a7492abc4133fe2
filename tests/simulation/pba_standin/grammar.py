"""From text to statements: just the forms that are known.

What must stay true: a statement is known from its first piece to its last, or it is refused as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from pba_standin.errors import UnknownHere
from pba_standin.statements import (
    AlterUser,
    Comparison,
    CreateSchema,
    CreateUser,
    DropSchema,
    DropUsers,
    Grant,
    Name,
    Revoke,
    RevokeAll,
    SelectConstant,
    SelectRows,
    SelectVariable,
    SelectVersion,
    SetNames,
    Settings,
    SetVariable,
    ShowColumns,
    Statement,
)
from pba_standin.tokens import Sort, Token, tokens

T = TypeVar("T")
_END: Final = Token(Sort.SIGN, ";")


def parse(text: str) -> Statement:
    """Return the statement that a text is.

    Raises:
        UnknownHere: it is none of those that are known.
    """
    return _statement(text, tokens(text))


def parse_script(text: str) -> list[Statement]:
    """Return the statements of a file, each of which ends with a semicolon.

    Raises:
        UnknownHere: one is none of those that are known.
    """
    found: list[Statement] = []
    pieces: list[Token] = []
    for token in tokens(text):
        if token == _END:
            found.append(_statement(text, pieces))
            pieces = []
        else:
            pieces.append(token)
    if pieces:
        raise UnknownHere(text)
    return found


def _statement(text: str, pieces: list[Token]) -> Statement:
    reader = _Reader(text, pieces)
    form = _FORMS.get(reader.word())
    if form is None:
        raise UnknownHere(text)
    statement = form(reader)
    if not reader.at_end:
        raise UnknownHere(text)
    return statement


class _Reader:
    """Goes through the pieces of one statement."""

    def __init__(self, text: str, pieces: list[Token]) -> None:
        self._text = text
        self._left = pieces[::-1]

    @property
    def at_end(self) -> bool:
        return not self._left

    def unknown(self) -> UnknownHere:
        return UnknownHere(self._text)

    def take(self, *sorts: Sort) -> Token:
        """Return the next piece, which is of one of these sorts."""
        if not self._left or self._left[-1].sort not in sorts:
            raise self.unknown()
        return self._left.pop()

    def word(self) -> str:
        return self.take(Sort.WORD).text.upper()

    def name(self) -> str:
        return self.take(Sort.WORD, Sort.NAME).text

    def text(self) -> str:
        return self.take(Sort.TEXT).text

    def sees(self, *pieces: str) -> bool:
        """Pass over these words and signs if they come next; tell whether they did."""
        found = self._left[: -len(pieces) - 1 : -1]
        if [_plain(token) for token in found] != list(pieces):
            return False
        del self._left[-len(pieces) :]
        return True

    def expect(self, *pieces: str) -> None:
        if not self.sees(*pieces):
            raise self.unknown()

    def several(self, read: Callable[[], T]) -> tuple[T, ...]:
        """Return what `read` returns, again after each comma."""
        found = [read()]
        while self.sees(","):
            found.append(read())
        return tuple(found)

    def account(self) -> Name:
        user = self.text()
        self.expect("@")
        return Name(user, self.text())

    def table(self) -> str:
        schema = self.name()
        self.expect(".")
        return f"{schema}.{self.name()}".lower()


def _plain(token: Token) -> str:
    return token.text.upper() if token.sort in {Sort.WORD, Sort.SIGN, Sort.NUMBER} else ""


def _select(reader: _Reader) -> Statement:
    if reader.sees("VERSION", "(", ")"):
        return SelectVersion()
    if reader.sees("@@"):
        scope = next((word for word in ("GLOBAL", "SESSION") if reader.sees(word, ".")), "")
        name = reader.name()
        return SelectVariable(name.lower(), f"@@{scope}.{name}" if scope else f"@@{name}")
    columns = reader.several(lambda: reader.take(Sort.WORD, Sort.NAME, Sort.NUMBER).text)
    if reader.at_end and len(columns) == 1 and columns[0].isdecimal():
        return SelectConstant(columns[0])
    reader.expect("FROM")
    table = reader.table()
    reader.expect("WHERE")
    where = [_comparison(reader)]
    while reader.sees("AND"):
        where.append(_comparison(reader))
    return SelectRows(columns, table, tuple(where))


def _comparison(reader: _Reader) -> Comparison:
    column = reader.name()
    is_equal = reader.sees("=")
    if not is_equal:
        reader.expect("<>")
    return Comparison(column, reader.text(), is_equal)


def _show(reader: _Reader) -> Statement:
    reader.expect("COLUMNS", "FROM")
    table = reader.table()
    reader.expect("LIKE")
    return ShowColumns(table, reader.text())


def _set(reader: _Reader) -> Statement:
    if reader.sees("NAMES"):
        return SetNames(reader.name())
    is_global = reader.sees("GLOBAL")
    if not is_global:
        reader.sees("SESSION")
    name = reader.name().lower()
    reader.expect("=")
    return SetVariable(name, reader.take(Sort.WORD, Sort.NUMBER, Sort.TEXT).text, is_global)


def _create(reader: _Reader) -> Statement:
    if reader.sees("DATABASE"):
        unless_there = reader.sees("IF", "NOT", "EXISTS")
        return CreateSchema(reader.name(), unless_there)
    reader.expect("USER")
    unless_there = reader.sees("IF", "NOT", "EXISTS")
    return CreateUser(reader.account(), _settings(reader), unless_there)


def _alter(reader: _Reader) -> Statement:
    reader.expect("USER")
    if_there = reader.sees("IF", "EXISTS")
    return AlterUser(reader.account(), _settings(reader), if_there)


def _settings(reader: _Reader) -> Settings:
    """Return what all the words up to the end say of an account."""
    found = Settings()
    while not reader.at_end:
        found = found.and_then(_password(reader) if reader.sees("IDENTIFIED") else _setting(reader))
    return found


def _password(reader: _Reader) -> Settings:
    if reader.sees("WITH"):
        reader.expect("CACHING_SHA2_PASSWORD")
    reader.expect("BY")
    return Settings(password=reader.text(), is_expired=False)


def _setting(reader: _Reader) -> Settings:
    for words, change in _SETTINGS:
        if reader.sees(*words):
            return change
    raise reader.unknown()


_SETTINGS: Final[tuple[tuple[tuple[str, ...], Settings], ...]] = (
    (("REQUIRE", "SSL"), Settings(needs_tls=True)),
    (("REQUIRE", "NONE"), Settings(needs_tls=False)),
    (("ACCOUNT", "LOCK"), Settings(is_locked=True)),
    (("ACCOUNT", "UNLOCK"), Settings(is_locked=False)),
    # Passwords never expire by themselves here, and nothing is kept of earlier ones.
    (("PASSWORD", "EXPIRE", "NEVER"), Settings()),
    (("PASSWORD", "HISTORY", "0"), Settings()),
    (("PASSWORD", "REUSE", "INTERVAL", "0", "DAY"), Settings()),
    (("PASSWORD", "EXPIRE"), Settings(is_expired=True)),
)


def _drop(reader: _Reader) -> Statement:
    if reader.sees("DATABASE"):
        if_there = reader.sees("IF", "EXISTS")
        return DropSchema(reader.name(), if_there)
    reader.expect("USER")
    if_there = reader.sees("IF", "EXISTS")
    return DropUsers(reader.several(reader.account), if_there)


def _privilege(reader: _Reader) -> str:
    """Return the name of a privilege, which may be of several words."""
    words = [reader.word()]
    while not reader.at_end:
        following = next((word for word in _LATER_WORDS if reader.sees(word)), None)
        if following is None:
            break
        words.append(following)
    name = " ".join(words)
    return "ALL" if name == "ALL PRIVILEGES" else name


_LATER_WORDS: Final = ("PRIVILEGES", "OPTION", "TEMPORARY", "TABLES", "VIEW", "ROUTINE", "USER", "DATABASES")


def _level(reader: _Reader) -> str:
    reader.expect("ON")
    if reader.sees("*", ".", "*"):
        return ""
    pattern = reader.name()
    reader.expect(".", "*")
    return pattern


def _grant(reader: _Reader) -> Statement:
    privileges = reader.several(lambda: _privilege(reader))
    level = _level(reader)
    reader.expect("TO")
    name = reader.account()
    return Grant(privileges, level, name, reader.sees("WITH", "GRANT", "OPTION"))


def _revoke(reader: _Reader) -> Statement:
    privileges = reader.several(lambda: _privilege(reader))
    if privileges == ("ALL", "GRANT OPTION") and reader.sees("FROM"):
        return RevokeAll(reader.account())
    level = _level(reader)
    reader.expect("FROM")
    return Revoke(privileges, level, reader.account())


_FORMS: Final[dict[str, Callable[[_Reader], Statement]]] = {
    "SELECT": _select,
    "SHOW": _show,
    "SET": _set,
    "CREATE": _create,
    "ALTER": _alter,
    "DROP": _drop,
    "GRANT": _grant,
    "REVOKE": _revoke,
}
