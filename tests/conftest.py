"""What all tiers share: the project's tools are importable; the packages under test come from the installed wheel."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
for tools in (ROOT / "hack", ROOT / "hack" / "demoapp", ROOT / "tests" / "nodes"):
    sys.path.insert(0, str(tools))

# On a busy machine any example may take long.
settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")
