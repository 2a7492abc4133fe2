"""A CA, and a server's certificate of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST: Final = "localhost"
"""The name in the server's certificate; its address is not in it."""
Issuer = tuple[x509.Name, ec.EllipticCurvePrivateKey]


def certificates(folder: Path) -> Path:
    """Write a CA and the server's certificate into `folder`; return the CA's certificate."""
    now = datetime.now(UTC)

    def write(name: str, subject: str, issuer: Issuer | None) -> Issuer:
        key = ec.generate_private_key(ec.SECP256R1())
        common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        builder = x509.CertificateBuilder().subject_name(common).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).issuer_name(
            issuer[0] if issuer else common
        )
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(issuer is None, None), critical=True)
        signer = issuer[1] if issuer else key
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(identifier, critical=False).add_extension(authority, critical=False)
        if issuer is None:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        else:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False
            )
        certificate = builder.sign(signer, hashes.SHA256())
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}-key.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return common, key

    write("server", HOST, write("ca", "a test's CA", None))
    return folder / "ca.pem"
