"""The layers of each image, made once for each hash of their inputs and kept in the cache.

What must stay true: what is in the cache is used without any look outside, so a machine that made its images
once needs no network for them again.
"""

from __future__ import annotations

import json
import tarfile
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pba_hack import cache
from pba_hack.images import debian, tarball
from pba_hack.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from pba_hack.images.debian import DebianRoot

FORMAT = "1"
"""Part of the keys of Debian layers: raise it when the same inputs begin to give other bytes."""

KIND = "layers"


@dataclass(frozen=True)
class Layer:
    """A finished layer.

    Attributes:
        key: name and hash of inputs; equal keys, equal bytes.
        tar: the layer's uncompressed tar archive.
    """

    key: str
    tar: Path


def debian_layer(name: str, root: DebianRoot) -> Layer:
    """Return the layer with `root`'s packages; `name` is for people only."""
    key = f"{name}-{cache.content_key(FORMAT, json.dumps(asdict(root)), debian.architecture())}"

    def build(scratch: Path) -> None:
        with Progress().step(f"{name}: Debian {root.suite} with {', '.join(root.packages)}", announce=True):
            raw = scratch / "raw.tar"
            scratch.chmod(0o755)  # mmdebstrap's helpers drop root's rights on the way
            debian.bootstrap(root, raw)
            (scratch / "packages.json").write_text(json.dumps(_packages(raw), indent=2, sort_keys=True))
            tarball.from_tar(raw, scratch / "layer.tar", root.drop)
            raw.unlink()

    return Layer(key, cache.kept(KIND, key, build) / "layer.tar")


def packages(layer: Layer) -> dict[str, str]:
    """Return the Debian packages of a layer that `debian_layer` made, with their versions."""
    found: dict[str, str] = json.loads((layer.tar.parent / "packages.json").read_text("utf-8"))
    return found


def _packages(raw: Path) -> dict[str, str]:
    with tarfile.open(raw) as archive:
        status = archive.extractfile("./var/lib/dpkg/status")
        if status is None:
            raise ValueError(f"{raw} has no list of packages")
        stanzas = status.read().decode().split("\n\n")
    fields = [dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line) for stanza in stanzas]
    return {field["Package"]: field["Version"] for field in fields if "Package" in field}
