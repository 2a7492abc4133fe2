"""The keys of session tickets: the same everywhere, others with time, seed or authorities of clients."""

from __future__ import annotations

import base64
import hashlib

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from pba_sync.tls.tickets import KEY_BYTES, PERIOD_SECONDS, keys, period

SEEDS = st.text(min_size=1)
NUMBERS = st.integers(1, 2**40)


@given(seed=SEEDS, authorities=st.text(), number=NUMBERS)
def test_neighbouring_periods_share_all_but_one_key(seed: str, authorities: str, number: int) -> None:
    now, then = keys(seed, authorities, number), keys(seed, authorities, number + 1)
    assert now[1:] == then[:2]
    assert len({*now, *then}) == 4
    assert all(len(base64.b64decode(key, validate=True)) == KEY_BYTES for key in now)
    assert keys(seed, authorities, number) == now


@given(seed=SEEDS, other=SEEDS, number=NUMBERS)
def test_other_seeds_and_other_authorities_make_other_keys(seed: str, other: str, number: int) -> None:
    if seed != other:
        assert not set(keys(seed, "", number)) & set(keys(other, "", number))
        assert not set(keys("seed", seed, number)) & set(keys("seed", other, number))


def test_a_period_is_half_a_day() -> None:
    assert period(PERIOD_SECONDS - 0.1) == 0
    assert period(PERIOD_SECONDS) == 1


def test_the_keys_are_hkdf_s() -> None:
    """RFC 5869's expansion, as another library makes it: frontends of different versions must agree."""
    info = b"pba-frontend-ticket-key" + hashlib.sha512(b"ca").digest() + (7).to_bytes(8, "big")
    made = HKDFExpand(SHA512(), KEY_BYTES, info).derive(b"seed")
    assert keys("seed", "ca", 7)[1] == base64.b64encode(made).decode()
