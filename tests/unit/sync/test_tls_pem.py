"""Certificates and keys as text, and what of it may stand in HAProxy's command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pba_lab.tls import Authority

from pba_sync.haproxy.errors import CommandRefusedError
from pba_sync.tls import commands, pem
from pba_sync.tls.pem import UnusableError

AUTHORITY = Authority("a test's CA")
PAIR = AUTHORITY.issue("shop.example")
FILE = Path("/run/haproxy-tls/shop-tls.pem")
NOISE = st.text(st.sampled_from("-BEGIN CERTIFICATE END\n\r\t <>|;x\\0\u00e9"), max_size=60)


@given(before=NOISE, between=NOISE, after=NOISE)
def test_certificates_are_found_whatever_stands_around_them(before: str, between: str, after: str) -> None:
    text = f"{before}\n{PAIR.certificate}{between}\n{AUTHORITY.certificate}\n{after}"
    assert [*pem.certificates(text)][:2] == [PAIR.certificate, AUTHORITY.certificate]


@given(text=st.text(max_size=200) | NOISE)
def test_what_is_no_pem_is_refused_or_can_stand_in_a_command(text: str) -> None:
    for find in (lambda given: "".join(pem.certificates(given)), pem.private_key):
        try:
            found = find(text)
        except UnusableError:
            continue
        assert commands.set_certificate(FILE, found)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\n", " \n"])
def test_lines_may_end_in_any_way(ending: str) -> None:
    assert pem.private_key(PAIR.key.replace("\n", ending)) == PAIR.key


@pytest.mark.parametrize(
    "key",
    [
        "",
        PAIR.certificate,
        PAIR.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
        PAIR.key.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n", 1),
        PAIR.key.replace("BEGIN", "BEGUN"),
    ],
)
def test_a_key_that_needs_a_password_or_is_none_is_refused(key: str) -> None:
    with pytest.raises(UnusableError, match="no private key"):
        pem.private_key(key)


def test_parameters_of_a_curve_before_the_key_are_left_out() -> None:
    parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    assert pem.private_key(parameters + PAIR.key) == PAIR.key


@pytest.mark.parametrize(
    "text",
    [
        f"{PAIR.certificate}\n{PAIR.key}",
        PAIR.certificate.replace("\n", "\n\nshutdown frontend public\n", 1),
        f"{PAIR.certificate};shutdown frontend public\n",
        "",
        "x",
    ],
)
def test_no_command_holds_what_was_not_written_anew(text: str) -> None:
    with pytest.raises(ValueError, match="not PEM"):
        commands.set_certificate(FILE, text)


@pytest.mark.parametrize("name", ["a b", "a;b", "a\nb", "", "a<b"])
def test_no_command_names_a_file_that_could_be_more(name: str) -> None:
    for make in (commands.commit_certificate, commands.abort_certificate, commands.new_certificate):
        with pytest.raises(ValueError, match="not a path"):
            make(Path(f"/run/{name}" if name else "/run/ "))


def test_no_secret_is_told_of() -> None:
    for command in (commands.set_certificate(FILE, PAIR.key), commands.add_ticket_key(FILE, "c2VjcmV0" * 10)):
        assert re.search(r"PRIVATE|c2VjcmV0", command.text)
        error = CommandRefusedError(command.told, "no")
        assert not re.search(r"PRIVATE|c2VjcmV0", str(error))
        assert str(FILE) in str(error)


def test_a_key_for_tickets_cannot_be_more() -> None:
    with pytest.raises(ValueError, match="not a key"):
        commands.add_ticket_key(FILE, "a; shutdown frontend public")
