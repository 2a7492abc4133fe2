"""What generated Secrets hold, checked as strictly as its readers may."""

from __future__ import annotations

import random
import ssl
import string
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pba_standin.material import secret

from pba_operator.domain.model import CannotGenerateError, Generate, Generator
from pba_operator.mysql.material import Material

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def material(seed: int = 1) -> Material:
    return Material(now=lambda: NOW, choose=random.Random(seed).choice)  # noqa: S311 - repeatable, in a test


def generate(generator: Generator, **manifest: Any) -> Generate:
    return Generate({"metadata": {"name": "shop-mysql-x"}, **manifest}, generator, ("db.svc", "*.db.svc"))


async def test_a_password_needs_no_quoting_and_passes_policies() -> None:
    for seed in range(50):
        content = await material(seed)(generate(Generator.PASSWORD), None)
        password = content["password"]
        assert set(password) <= set(string.ascii_letters + string.digits + "-")
        assert len(password) >= 32
        for kind in (str.islower, str.isupper, str.isdigit, lambda char: char == "-"):
            assert any(kind(char) for char in password)


async def test_passwords_differ_and_what_the_manifest_gives_is_not_repeated() -> None:
    make = Material()
    first, second = [
        await make(generate(Generator.PASSWORD, stringData={"username": "app"}), None) for _ in range(2)
    ]
    assert set(first) == {"password"}
    assert first["password"] != second["password"]


async def test_the_operators_account_is_sql_that_can_run_again_and_again() -> None:
    content = await material()(generate(Generator.DATABASE_ADMIN), None)
    assert content["username"] == "pba_admin"
    statements = content["init.sql"].strip().split("\n")
    assert all(statement.endswith(";") for statement in statements)
    assert [statement.split()[0] for statement in statements] == ["CREATE", "ALTER", "GRANT"]
    assert content["init.sql"].count(f"BY '{content['password']}'") == 2
    assert "REQUIRE SSL" in content["init.sql"]


async def _pair() -> tuple[dict[str, str], dict[str, str]]:
    make = material()
    authority = await make(generate(Generator.CERTIFICATE_AUTHORITY), None)
    return authority, await make(generate(Generator.SERVER_CERTIFICATE), secret(**authority))


async def test_the_certificate_is_the_authoritys_for_its_names_and_long_enough() -> None:
    authority, server = await _pair()
    assert server["ca.crt"] == authority["ca.crt"] == authority["tls.crt"]
    signer = x509.load_pem_x509_certificate(authority["tls.crt"].encode())
    certificate = x509.load_pem_x509_certificate(server["tls.crt"].encode())
    certificate.verify_directly_issued_by(signer)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["db.svc", "*.db.svc"]
    assert certificate.not_valid_after_utc - NOW > timedelta(days=365)


async def test_a_reader_whose_clock_is_hours_behind_accepts_both_certificates() -> None:
    for made in await _pair():
        certificate = x509.load_pem_x509_certificate(made["tls.crt"].encode())
        assert certificate.not_valid_before_utc <= NOW - timedelta(hours=23)


@pytest.mark.parametrize("host", ["db.svc", "a.db.svc"])
async def test_the_strictest_client_accepts_it(tmp_path: Any, host: str) -> None:
    make = Material()
    authority = await make(generate(Generator.CERTIFICATE_AUTHORITY), None)
    server = await make(generate(Generator.SERVER_CERTIFICATE), secret(**authority))
    (tmp_path / "chain").write_text(server["tls.crt"] + server["tls.key"])
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(tmp_path / "chain")
    asking = ssl.create_default_context(cadata=authority["ca.crt"])
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    ends = [ssl.MemoryBIO() for _ in range(2)]
    client = asking.wrap_bio(ends[0], ends[1], server_hostname=host)
    listener = serving.wrap_bio(ends[1], ends[0], server_side=True)
    for _flight in range(4):
        for side in (client, listener):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert client.version() is not None
    assert client.getpeercert()


@pytest.mark.parametrize(
    "data", [{}, {"tls.crt": ""}, {"tls.crt": "!"}, {"tls.crt": "eA==", "tls.key": "eA=="}]
)
async def test_without_a_whole_authority_nothing_is_signed(data: dict[str, str]) -> None:
    issuer = {"metadata": {"name": "shop-mysql-ca"}, "data": data}
    with pytest.raises(CannotGenerateError, match=r'Secret "shop-mysql-ca" .*Restore'):
        await material()(generate(Generator.SERVER_CERTIFICATE), issuer)


async def test_an_authority_that_is_not_seen_signs_nothing() -> None:
    with pytest.raises(CannotGenerateError):
        await material()(generate(Generator.SERVER_CERTIFICATE), None)


def _pkcs8(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


@pytest.mark.parametrize(
    "key",
    [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())],
    ids=["rsa", "other"],
)
async def test_a_key_that_is_not_the_certificates_signs_nothing(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
) -> None:
    authority, _server = await _pair()
    with pytest.raises(CannotGenerateError, match="not the certificate's"):
        await material()(
            generate(Generator.SERVER_CERTIFICATE), secret(**authority | {"tls.key": _pkcs8(key)})
        )


async def test_a_key_that_asks_for_a_password_is_of_no_use() -> None:
    authority, _server = await _pair()
    key = ec.generate_private_key(ec.SECP256R1())
    locked = serialization.BestAvailableEncryption(b"secret")
    form = serialization.PrivateFormat.PKCS8
    authority["tls.key"] = key.private_bytes(serialization.Encoding.PEM, form, locked).decode()
    with pytest.raises(CannotGenerateError, match="cannot be read"):
        await material()(generate(Generator.SERVER_CERTIFICATE), secret(**authority))
