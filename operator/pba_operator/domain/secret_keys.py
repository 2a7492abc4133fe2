"""Keys in the Secrets of the database: what is planned, what is made, and what is read to talk to MySQL.

What must stay true: they are never renamed, because Secrets that were made once are kept for ever; and users mount
those Secrets by these keys.
"""

from __future__ import annotations

from typing import Final

USERNAME: Final = "username"
PASSWORD: Final = "password"  # noqa: S105 - the name of a key
ADMIN_SQL: Final = "init.sql"
"""In the admin Secret: the SQL that makes the operator's account."""

TLS_CERTIFICATE: Final = "tls.crt"
"""This key and the next one are Kubernetes' own for Secrets of the type `kubernetes.io/tls`."""
TLS_KEY: Final = "tls.key"
CA_CERTIFICATE: Final = "ca.crt"
"""The certificate of the authority that signed `tls.crt`."""

OF_CERTIFICATE: Final = (TLS_CERTIFICATE, TLS_KEY, CA_CERTIFICATE)
"""All keys of the Secret of a certificate, or of the authority."""
OF_ADMIN: Final = (USERNAME, PASSWORD, ADMIN_SQL)
"""All keys of the Secret with the operator's account."""
