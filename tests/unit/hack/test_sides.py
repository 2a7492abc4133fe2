"""What runs side by side: files, each whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from pba_hack.testing.sides import TOGETHER, scope

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("test", "together_with"),
    [
        ("tests/unit/test_a.py::test_one", "tests/unit/test_a.py"),
        ("tests/unit/test_a.py::TestClass::test_one[x::y]", "tests/unit/test_a.py"),
        ("tests/apiserver/bad_input/test_rules.py::test_one", "tests/apiserver/bad_input/"),
    ],
)
def test_a_file_stays_together_and_so_do_the_files_that_share_what_takes_long(
    test: str, together_with: str
) -> None:
    assert scope(test) == together_with


@pytest.mark.parametrize("folder", TOGETHER)
def test_what_stays_together_is_there(folder: str) -> None:
    assert list((ROOT / folder).glob("test_*.py"))
