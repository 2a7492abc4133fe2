"""The coverage gate counts branches alone, of each package, and passes nothing that was not measured."""

from __future__ import annotations

from typing import Any

import pytest

from pba_hack.testing import gate

ELSEWHERE = "/venv/lib/python3.11/site-packages/"


def module(covered: int, number: int) -> dict[str, Any]:
    """One module in coverage.py's report, all of whose lines were run."""
    return {
        "summary": {
            "covered_lines": 10_000,
            "num_statements": 10_000,
            "covered_branches": covered,
            "num_branches": number,
        }
    }


def verdict(files: dict[str, Any]) -> dict[str, bool]:
    return {found.package: found.enough for found in gate.branches({"files": files})}


DOMAIN, ENGINE = gate.PACKAGES


@pytest.mark.parametrize(("covered", "enough"), [(1000, True), (950, True), (949, False), (0, False)])
def test_branches_count_and_lines_do_not(covered: int, enough: bool) -> None:
    files = {f"{DOMAIN}/a.py": module(covered, 1000), f"{ENGINE}/b.py": module(1000, 1000)}
    assert verdict(files) == {DOMAIN: enough, ENGINE: True}


def test_a_good_package_does_not_make_up_for_a_bad_one() -> None:
    files = {f"{DOMAIN}/a.py": module(10_000, 10_000), f"{ENGINE}/b.py": module(9, 10)}
    assert verdict(files) == {DOMAIN: True, ENGINE: False}


def test_modules_of_a_package_are_counted_together_wherever_they_are_installed() -> None:
    files = {
        f"{ELSEWHERE}{DOMAIN}/a.py": module(90, 100),
        f"{ELSEWHERE}{DOMAIN}/pods/b.py": module(100, 100),
        f"{ELSEWHERE}pba_operator/kube/c.py": module(0, 1000),
        f"{ELSEWHERE}{ENGINE}/d.py": module(0, 0),
        f"{ELSEWHERE}{ENGINE}/e.py": module(4, 4),
    }
    [domain, engine] = gate.branches({"files": files})
    assert (domain.covered, domain.number, domain.enough) == (190, 200, True)
    assert (engine.covered, engine.number, engine.enough) == (4, 4, True)
    assert str(domain) == "pba_operator.domain: 190 of 200 branches, 95.00 %"


@pytest.mark.parametrize(
    "files",
    [
        {},
        {f"{DOMAIN}/a.py": module(10, 10)},
        {f"{DOMAIN}/a.py": module(10, 10), f"{ENGINE}/b.py": module(0, 0)},
        {f"{DOMAIN}/a.py": module(10, 10), "pba_operator/engineering/b.py": module(10, 10)},
    ],
)
def test_a_package_that_was_not_measured_fails_and_says_so(files: dict[str, Any]) -> None:
    engine = gate.branches({"files": files})[1]
    assert not engine.enough
    assert str(engine) == "pba_operator.engine: no branch was measured"


def test_a_report_without_branches_is_refused() -> None:
    lines = {"summary": {"covered_lines": 10, "num_statements": 10}}
    with pytest.raises(KeyError, match="covered_branches"):
        gate.branches({"files": {f"{DOMAIN}/a.py": lines}})
