"""SQL as MySQL reads it: words, names, texts and signs.

What must stay true: quotes and escapes mean what they mean to MySQL with `sql_mode=''`, so that a name or a value
that is quoted wrongly becomes another statement here, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from pba_standin.errors import UnknownHere


class Sort(Enum):
    """What a token is."""

    WORD = auto()
    NUMBER = auto()
    NAME = auto()
    """In backticks."""
    TEXT = auto()
    """In single or double quotes."""
    SIGN = auto()


@dataclass(frozen=True)
class Token:
    """A piece of a statement, without its quotes."""

    sort: Sort
    text: str


_PIECES: Final = re.compile(
    r"""
    (?P<space>   \s+ )
  | (?P<word>    [A-Za-z_$][A-Za-z0-9_$]* )
  | (?P<number>  [0-9]+ )
  | (?P<name>    `(?:[^`]|``)*` )
  | (?P<text>    '(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" )
  | (?P<sign>    @@ | <> | [@=(),.*;] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED: Final = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}
"""What a letter after a backslash stands for, if not for itself. Source: "String Literals" in MySQL's manual."""


def tokens(statement: str) -> list[Token]:
    """Return the pieces of a statement.

    Raises:
        UnknownHere: there is something that is not known here, a comment for instance.
    """
    found: list[Token] = []
    place = 0
    while place < len(statement):
        match = _PIECES.match(statement, place)
        if match is None or match.lastgroup is None:
            raise UnknownHere(statement)
        place = match.end()
        if match.lastgroup != "space":
            found.append(_token(Sort[match.lastgroup.upper()], match.group()))
    return found


def _token(sort: Sort, piece: str) -> Token:
    if sort is Sort.NAME:
        return Token(sort, piece[1:-1].replace("``", "`"))
    if sort is Sort.TEXT:
        quote, inner = piece[0], piece[1:-1]
        unquoted = re.sub(
            rf"{quote}{quote}|\\(.)", lambda found: _unescaped(found, quote), inner, flags=re.DOTALL
        )
        return Token(sort, unquoted)
    return Token(sort, piece)


def _unescaped(found: re.Match[str], quote: str) -> str:
    letter = found.group(1)
    return quote if letter is None else _ESCAPED.get(letter, letter)
