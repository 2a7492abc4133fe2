"""What users are told stays as it is, unless a change is meant.

Alerts and scripts match on reasons, people search for messages, and an operator with other words writes the status of
every PBACluster anew at its start. `words.json` is also where all the words can be read together.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pba_simulation.troubles import TROUBLES
from pba_simulation.words import told

TOLD = json.loads((Path(__file__).parent / "words.json").read_text())


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_word_changes_unannounced(trouble: str) -> None:
    assert told(trouble) == TOLD.get(trouble), (
        "if that is meant, write the file anew (pba_simulation/words.py says how) and tell users in CHANGELOG.md"
    )


@pytest.mark.parametrize("program", ["words", "children"])
def test_who_asks_how_to_write_the_file_anew_gets_no_file(program: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", f"pba_simulation.{program}", "--help"]
    # What is imported here is found there, too: hack/mutants asks the tests with a planner that no wheel has brought.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert f"tests/unit/domain/{program}" in done.stdout
    assert not list(tmp_path.iterdir())
