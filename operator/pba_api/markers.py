"""What a field's type cannot say by itself: description, default, bounds and rules, as `Annotated` metadata.

The CRD's schema and the parser are both made from these marks, so that a fact about a field stands once, beside
the field. A mark is plain data: nothing here knows how a schema looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Doc:
    """What the field is for, in the words that `kubectl explain` shows."""

    text: str


@dataclass(frozen=True)
class Default:
    """The value (as JSON) of a field that is not given.

    Of an object: its own fields' defaults, here, where it is used; an object that is given in part is filled up
    from them, as one that is not given at all.
    """

    value: Any


@dataclass(frozen=True)
class Required:
    """The field must be given.

    A field with neither this nor a `Default` may be left out, and is then empty: None, or an empty string, list or
    map, as its type says.
    """


@dataclass(frozen=True)
class Number:
    """Bounds of an integer, both included; without a maximum it may be as great as 64 bits hold."""

    minimum: int
    maximum: int | None = None


@dataclass(frozen=True)
class Text:
    """Bounds of a string: lengths in characters, a regular expression (RE2), or a closed list of values."""

    max_length: int = 0
    min_length: int = 0
    pattern: str = ""
    one_of: tuple[str, ...] = ()
    format: str = ""


@dataclass(frozen=True)
class IntOrString:
    """A number may be given where the type says string, or where it says either."""


@dataclass(frozen=True)
class Items:
    """Bounds of a list, and how two appliers' lists are merged.

    `keys`: the fields that tell the items apart (a map in Kubernetes' words, none twice). `unique`: plain values,
    none twice. With neither, the list is replaced as a whole.
    """

    maximum: int
    keys: tuple[str, ...] = ()
    unique: bool = False


@dataclass(frozen=True)
class Entries:
    """The greatest number of entries of a map."""

    maximum: int


@dataclass(frozen=True)
class Kubernetes:
    """The field's shape is Kubernetes' own: the name of the type in its OpenAPI document."""

    type_name: str


@dataclass(frozen=True)
class Rule:
    """A CEL rule on the field's value (`self`), and what to tell whoever breaks it.

    Attributes:
        expression: must be true.
        message: says what to do.
        message_expression: CEL that gives the message, where the message names the culprit; `message` is what is
            told if it fails.
        field_path: the field to blame, relative to `self`.
    """

    expression: str
    message: str
    message_expression: str = ""
    field_path: str = ""
