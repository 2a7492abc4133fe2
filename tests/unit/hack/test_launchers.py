"""The commands of `hack/` on a machine that has nothing but Python: what they need they install first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HACK = Path(__file__).resolve().parents[3] / "hack"


@pytest.mark.parametrize("command", ["bench", "cluster", "demo", "images", "mutants", "test"])
def test_each_command_starts_without_any_package(command: str) -> None:
    bare = [getattr(sys, "_base_executable", sys.executable), "-I", "-S"]
    done = subprocess.run([*bare, HACK / command, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout
