"""An upgrade of the operator changes no child of a PBACluster, unless it is meant and announced.

A changed pod template restarts every pod of every user at once; a changed selector or claim template cannot be
applied at all. So all that is written for some PBAClusters stands in `children/`, and a difference is seen before it
is shipped.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pba_simulation.children import NAMES, children

FOLDER = Path(__file__).parent / "children"


@pytest.mark.parametrize("name", NAMES)
def test_no_child_changes_unannounced(name: str) -> None:
    assert children(name) == (FOLDER / f"{name}.json").read_text(), (
        "every user's children would change. If that is meant: tell it in CHANGELOG.md, and write the files anew "
        "(pba_simulation/children.py says how)"
    )
