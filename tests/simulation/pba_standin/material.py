"""The Secrets that MySQL's client reads, and what it is asked for with them."""

from __future__ import annotations

import asyncio
import base64
from typing import Final

from pba_operator.domain.model import ChildId, EnsureAccounts, Generate, Generator, Manifest
from pba_operator.mysql.material import Material

ADMIN, CA, APP = (ChildId("Secret", name) for name in ("admin", "ca", "app"))
WANTED: Final = EnsureAccounts("localhost", "app", "app", (APP, "password"), ADMIN, CA, "1")


def secret(**content: str) -> Manifest:
    """Return a Secret with these keys and texts."""
    return {"data": {key: base64.b64encode(text.encode()).decode() for key, text in content.items()}}


def secrets() -> dict[ChildId, Manifest]:
    """Return the Secrets that `WANTED` speaks of, with an authority made for it."""
    made = Generate({"metadata": {"name": "ca"}}, Generator.CERTIFICATE_AUTHORITY)
    authority = asyncio.run(Material()(made, None))
    return {
        ADMIN: secret(username="pba_admin", password="top-s3cret"),
        APP: secret(password="app-s3cret"),
        CA: secret(**{"ca.crt": authority["ca.crt"]}),
    }
