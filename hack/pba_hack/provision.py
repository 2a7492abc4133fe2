"""From nothing to a cluster that holds this checkout's images: what the demo and the tests on nodes begin with.

Everything that needs the package registries happens here: inside of the cluster's network nothing of it is reached.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pba_hack.checkout import HACK


def provision(
    binaries: Sequence[str] = (), environment: Mapping[str, str] | None = None, images: Sequence[str] = ()
) -> dict[str, str]:
    """Bring the cluster up, build the images, put them on its nodes, and build what will be run inside.

    Args:
        binaries: programs that `hack/cluster exec` shall find (`hack/cluster binary`).
        environment: of the commands; ours if left out.
        images: names of images; those of the operator and the demo if none are named.

    Returns:
        The images' references by name.

    Raises:
        subprocess.CalledProcessError: a step failed; it has told why on standard error.
    """

    def tool(name: str, *arguments: str) -> None:
        subprocess.run([str(HACK / name), *arguments], check=True, env=environment)

    tool("cluster", "up")
    made = _built(images, environment) if images else _listed(environment)
    tool("cluster", "load", *(image.tar for image in made))
    for binary in binaries:
        tool("cluster", "binary", binary)
    return {image.name: image.reference for image in made}


class _Image(NamedTuple):
    """What `hack/images` says of an image."""

    name: str
    reference: str
    tar: str


def _listed(environment: Mapping[str, str] | None) -> list[_Image]:
    return [_Image(**image) for image in json.loads(_images(environment, "list", "--json"))]


def _built(names: Sequence[str], environment: Mapping[str, str] | None) -> list[_Image]:
    lines = _images(environment, "build", *names).splitlines()
    return [_Image(*line.split(maxsplit=2)) for line in lines]


def _images(environment: Mapping[str, str] | None, *words: str) -> str:
    command = [str(HACK / "images"), *words]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout
