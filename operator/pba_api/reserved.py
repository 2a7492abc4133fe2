"""What is the operator's own inside of pods: the schema keeps users off it, and the operator mounts there."""

from __future__ import annotations

from typing import Final

OWN_FOLDER: Final = "/etc/pba"
"""In any container: below it lies what the operator mounts."""
VOLUME_PREFIX: Final = "pba-"
"""In the application's pods, whose volumes are the user's, too: names of ours begin with it."""
