"""Certificates as the Secrets hold them, read: can the authority sign, does it vouch for the server's, can it be shown?

mysqld that is started with a certificate that it cannot read serves without TLS, and then nobody can log in: so it is
found out before mysqld is told to read it. Pure; what was judged once is remembered, since each plan asks.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_REMEMBERED: Final = 4096
_UNREADABLE: Final = (ValueError, TypeError, UnsupportedAlgorithm)


class UnusableAuthorityError(Exception):
    """An authority cannot sign; the text says why, after "the authority"."""


def read_authority(certificate: bytes, key: bytes) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Return an authority that can sign.

    Args:
        certificate: in PEM.
        key: its private key, in PEM.

    Raises:
        UnusableAuthorityError: it cannot.
    """
    try:
        read, private = _read(certificate, key)
    except _UNREADABLE as error:
        raise UnusableAuthorityError(f"cannot be read ({error})") from error
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != read.public_key():
        raise UnusableAuthorityError("holds a key that is not the certificate's")
    return read, private


@lru_cache(maxsize=_REMEMBERED)
def flaw_of_authority(certificate: str, key: str) -> str:
    """Return why an authority (in PEM) cannot sign; empty if it can."""
    try:
        read_authority(certificate.encode(), key.encode())
    except UnusableAuthorityError as error:
        return str(error)
    return ""


@lru_cache(maxsize=_REMEMBERED)
def is_vouched_for(certificate: str, key: str, authority: str) -> bool:
    """Tell whether a server's certificate can be read, is its key's, and was signed by the authority (all in PEM)."""
    try:
        read, private = _read(certificate.encode(), key.encode())
        signer = x509.load_pem_x509_certificate(authority.encode())
        read.verify_directly_issued_by(signer)
    except (*_UNREADABLE, InvalidSignature):
        return False
    return private.public_key() == read.public_key()


@lru_cache(maxsize=_REMEMBERED)
def flaw_of_pair(certificate: str, key: str) -> str:
    """Return why a certificate with its chain, and its key (in PEM), cannot be shown to clients; empty if they can.

    The words follow "the Secret". Whether it has expired is not asked: nothing here knows the time.
    """
    try:
        chain = x509.load_pem_x509_certificates(certificate.encode())
    except _UNREADABLE:
        return "holds no certificate in PEM that can be read"
    try:
        private = serialization.load_pem_private_key(key.encode(), password=None)
    except _UNREADABLE:
        return "holds no private key in PEM that can be read without a password"
    if private.public_key() != chain[0].public_key():
        return "holds a key that is not the certificate's"
    return ""


@lru_cache(maxsize=_REMEMBERED)
def flaw_of_authorities(certificates: str) -> str:
    """Return why nobody can be vouched for by these certificates (in PEM); empty if somebody can."""
    try:
        x509.load_pem_x509_certificates(certificates.encode())
    except _UNREADABLE:
        return "holds no certificate in PEM that can be read"
    return ""


def _read(certificate: bytes, key: bytes) -> tuple[x509.Certificate, PrivateKeyTypes]:
    return (
        x509.load_pem_x509_certificate(certificate),
        serialization.load_pem_private_key(key, password=None),
    )
