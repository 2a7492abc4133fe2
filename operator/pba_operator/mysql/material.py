"""What generated Secrets hold: passwords, a certificate authority, a server's certificate.

Randomness and the time come in from outside. What must stay true: a password needs no quoting anywhere it may
be put (SQL, a shell, an option file, a URL, XML) and passes MySQL's `validate_password`; certificates keep to RFC
5280 as strict clients check it (Python's VERIFY_X509_STRICT).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pba_api import sidecar
from pba_operator.domain import certificates, secret_keys
from pba_operator.domain.model import CannotGenerateError, Generate, Generator, Manifest

ADMIN_USER: Final = "pba_admin"
_LETTERS: Final = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LENGTH: Final = 32
_CLASSES: Final = (str.islower, str.isupper, str.isdigit)
_LIFE: Final = timedelta(days=3650)
_BEFORE: Final = timedelta(days=1)
"""Clocks of the machines of operator, database and application differ, by hours where one is set wrong: nobody who is
behind the operator may refuse a new certificate."""


class Material:
    """Makes the content of generated Secrets (the engine's `Material`)."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        choose: Callable[[str], str] = secrets.choice,
    ) -> None:
        """Make it.

        Args:
            now: The time.
            choose: Picks one character of a string, unpredictably.
        """
        self._now = now
        self._choose = choose

    async def __call__(self, action: Generate, issuer: Manifest | None) -> dict[str, str]:
        """Return what is generated for the Secret that `action` makes; what its manifest gives is not repeated.

        Args:
            action: What is to be made.
            issuer: The authority's live Secret, for a server's certificate.

        Raises:
            CannotGenerateError: A server's certificate is wanted, and the authority's Secret is of no use for it.
        """
        return await asyncio.to_thread(self.make, action, issuer)

    def make(self, action: Generate, issuer: Manifest | None) -> dict[str, str]:
        """Do the same in this thread, which takes some milliseconds."""
        if action.generator is Generator.PASSWORD:
            return {secret_keys.PASSWORD: self._password()}
        if action.generator is Generator.TICKET_SEED:
            return {sidecar.TICKET_SEED_KEY: self._password()}
        if action.generator is Generator.DATABASE_ADMIN:
            return _admin(self._password())
        name = action.manifest["metadata"]["name"]
        if action.generator is Generator.CERTIFICATE_AUTHORITY:
            return self._authority(name)
        return self._certificate(name, action.subject, issuer)

    def _password(self) -> str:
        """Return letters and digits of all kinds, and a dash, which is harmless everywhere."""
        while True:
            text = "".join(self._choose(_LETTERS) for _ in range(_LENGTH))
            if all(any(belongs(char) for char in text) for belongs in _CLASSES):
                return f"{text[:16]}-{text[16:]}"

    def _authority(self, name: str) -> dict[str, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            self._builder(subject, subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = _pem(certificate)
        return _stored(pem, _key_pem(key), authority=pem)

    def _certificate(self, name: str, hosts: tuple[str, ...], issuer: Manifest | None) -> dict[str, str]:
        authority, authority_key = _issuer(issuer or {})
        key = ec.generate_private_key(ec.SECP256R1())
        identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        certificate = (
            self._builder(_name(name), authority.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
            )
            .add_extension(
                # Members of a group are each other's clients, with the same certificate.
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False
            )
            .sign(authority_key, hashes.SHA256())
        )
        return _stored(_pem(certificate), _key_pem(key), authority=_pem(authority))

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        now = self._now()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BEFORE)
            .not_valid_after(now + _LIFE)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )


def _admin(password: str) -> dict[str, str]:
    """Return the operator's account, and the SQL by which mysqld makes it, or heals it, at its start.

    The policies on passwords are switched off for it: the same password is set at every start.
    """
    account = f"'{ADMIN_USER}'@'%'"
    identified = f"IDENTIFIED WITH caching_sha2_password BY '{password}'"
    policy = "PASSWORD EXPIRE NEVER PASSWORD HISTORY 0 PASSWORD REUSE INTERVAL 0 DAY"
    statements = (
        f"CREATE USER IF NOT EXISTS {account} {identified} {policy};",
        f"ALTER USER {account} {identified} REQUIRE SSL {policy} ACCOUNT UNLOCK;",
        f"GRANT ALL ON *.* TO {account} WITH GRANT OPTION;",
    )
    return {
        secret_keys.USERNAME: ADMIN_USER,
        secret_keys.PASSWORD: password,
        secret_keys.ADMIN_SQL: "\n".join(statements) + "\n",
    }


def _stored(certificate: str, key: str, *, authority: str) -> dict[str, str]:
    return {
        secret_keys.TLS_CERTIFICATE: certificate,
        secret_keys.TLS_KEY: key,
        secret_keys.CA_CERTIFICATE: authority,
    }


def _issuer(secret: Manifest) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Return the certificate and the key of an authority that can sign."""
    data = secret.get("data") or {}
    try:
        pem = (base64.b64decode(data[name]) for name in (secret_keys.TLS_CERTIFICATE, secret_keys.TLS_KEY))
        return certificates.read_authority(*pem)
    except KeyError as error:
        raise _unusable(secret, f"lacks {error}") from error
    except binascii.Error as error:
        raise _unusable(secret, f"cannot be read ({error})") from error
    except certificates.UnusableAuthorityError as error:
        raise _unusable(secret, str(error)) from error


def _unusable(secret: Manifest, why: str) -> CannotGenerateError:
    name = (secret.get("metadata") or {}).get("name", "")
    return CannotGenerateError(
        f'the certificate authority in the Secret "{name}" {why}. Restore that Secret from a copy, or delete it: it '
        "is then made anew, and the database and the application are restarted with it."
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
