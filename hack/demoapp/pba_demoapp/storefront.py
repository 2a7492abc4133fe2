"""The store itself: its name, its colours and the logo that the reseller uploads, and what it sells.

The logo is kept in the database, so that every node shows the same one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from pba_demoapp.errors import InvalidError, NotAPictureError, TooLargeError
from pba_demoapp.schema import STORE_ID, products, store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection, Row

LOGO_LIMIT = 512 * 1024
"""Bytes."""

_SIGNATURES = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}
"""How pictures begin. No SVG: it may carry scripts, which would run in the store's name."""

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_NAME_LIMIT, _TAGLINE_LIMIT = 60, 140


@dataclass(frozen=True)
class Store:
    """What all pages show of the store."""

    name: str
    tagline: str
    color: str
    logo_digest: str | None

    @property
    def logo_url(self) -> str | None:
        """The logo's address; it changes with the logo, so that browsers may keep it for ever."""
        return f"/logo/{self.logo_digest}" if self.logo_digest else None

    def as_json(self) -> dict[str, Any]:
        """Return the store as the API shows it."""
        return {"name": self.name, "tagline": self.tagline, "color": self.color, "logo": self.logo_url}


def picture_type(data: bytes) -> str:
    """Return the media type of an uploaded picture, told by its content, whatever its name says.

    Raises:
        TooLargeError: it is larger than `LOGO_LIMIT`.
        NotAPictureError: it is no picture of a kind that all browsers show.
    """
    if len(data) > LOGO_LIMIT:
        raise TooLargeError(
            f"A logo is at most {LOGO_LIMIT // 1024} KiB; this file has {len(data) // 1024} KiB."
        )
    for media_type, signature in _SIGNATURES.items():
        if signature.match(data):
            return media_type
    raise NotAPictureError("A logo is a PNG, JPEG, GIF or WebP picture.")


def get(connection: Connection) -> Store:
    """Return the store, without the logo's content."""
    query = select(store.c.name, store.c.tagline, store.c.color, store.c.logo_digest)
    row = connection.execute(query.where(store.c.id == STORE_ID)).one()
    return Store(row.name, row.tagline, row.color, row.logo_digest)


def rename(connection: Connection, name: str, tagline: str, color: str) -> None:
    """Change what the pages say.

    Raises:
        InvalidError: something is missing, too long, or no colour.
    """
    name, tagline = " ".join(name.split()), " ".join(tagline.split())
    if not 1 <= len(name) <= _NAME_LIMIT or len(tagline) > _TAGLINE_LIMIT:
        raise InvalidError(
            f"A store's name has 1 to {_NAME_LIMIT} characters, its tagline at most {_TAGLINE_LIMIT}."
        )
    if not _COLOR.fullmatch(color):
        raise InvalidError("A colour is written as #1f5f8b.")
    connection.execute(
        update(store).where(store.c.id == STORE_ID).values(name=name, tagline=tagline, color=color)
    )


def set_logo(connection: Connection, data: bytes, media_type: str) -> None:
    """Keep the logo, whose type `picture_type` told."""
    values = {"logo": data, "logo_type": media_type, "logo_digest": hashlib.sha256(data).hexdigest()}
    connection.execute(update(store).where(store.c.id == STORE_ID).values(**values))


def remove_logo(connection: Connection) -> None:
    """Show the store's name only."""
    values = {"logo": None, "logo_type": None, "logo_digest": None}
    connection.execute(update(store).where(store.c.id == STORE_ID).values(**values))


def logo(connection: Connection, digest: str) -> tuple[bytes, str] | None:
    """Return the logo and its media type, or None if the logo is another one or there is none."""
    query = select(store.c.logo, store.c.logo_type).where(
        store.c.id == STORE_ID, store.c.logo_digest == digest
    )
    row = connection.execute(query).one_or_none()
    return (row.logo, row.logo_type) if row is not None else None


def catalogue(connection: Connection) -> Sequence[Row[Any]]:
    """Return all products, in the order of the catalogue."""
    return connection.execute(select(products).order_by(products.c.id)).all()


def product(connection: Connection, code: str) -> Row[Any] | None:
    """Return one product, or None if there is none of this code."""
    return connection.execute(select(products).where(products.c.code == code)).one_or_none()
