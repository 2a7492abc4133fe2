"""The layers of each image, made once for each hash of their inputs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pba_hack.images import debian, store, tarball

if TYPE_CHECKING:
    from pathlib import Path

    from pba_hack.images.debian import DebianRoot

FORMAT = 1
"""Part of every key: raise it when the same inputs begin to give other bytes."""


def debian_layer(name: str, root: DebianRoot) -> Path:
    """Return the layer with `root`'s packages; `name` is for people only."""

    def make(path: Path) -> None:
        raw = path.with_name("raw.tar")
        debian.bootstrap(root, raw)
        tarball.from_tar(raw, path, root.drop)

    return store.entry(f"layers/{name}-{store.key(FORMAT, asdict(root), debian.architecture())}.tar", make)
