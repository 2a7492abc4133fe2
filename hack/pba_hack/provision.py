"""From nothing to a cluster that holds this checkout's images: what the demo and the tests on nodes begin with.

Everything that needs the package registries happens here: inside of the cluster's network nothing of it is reached.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence

from pba_hack.checkout import HACK


def provision(binaries: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Bring the cluster up, build the images, put them on its nodes, and build what will be run inside.

    Args:
        binaries: programs that `hack/cluster exec` shall find (`hack/cluster binary`).
        environment: of the commands; ours if left out.

    Returns:
        The images' references by name.

    Raises:
        subprocess.CalledProcessError: a step failed; it has told why on standard error.
    """

    def tool(name: str, *arguments: str) -> None:
        subprocess.run([str(HACK / name), *arguments], check=True, env=environment)

    tool("cluster", "up")
    listing = subprocess.run(
        [str(HACK / "images"), "list", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment,
    )
    images: list[dict[str, str]] = json.loads(listing.stdout)
    tool("cluster", "load", *(image["tar"] for image in images))
    for binary in binaries:
        tool("cluster", "binary", binary)
    return {image["name"]: image["reference"] for image in images}
