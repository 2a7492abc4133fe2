"""Root file systems of images as folders, so that tests run the real mysqld or haproxy without any cluster.

The programs are the images' own, bit for bit. `command` starts one with the image's own loader and libraries,
so that it needs no chroot, no mounts and no container: it sees the machine's files, and ends like any child.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from pba_hack import cache
from pba_hack.images import layers, recipes
from pba_hack.images.debian import CannotBuildError

if TYPE_CHECKING:
    from pathlib import Path

    from pba_hack.images.layers import Layer


def rootfs(name: str) -> Path:
    """Return the folder with the files of the image `name` (`mysql` or `haproxy`); never write into it."""
    image = recipes.SERVERS.get(name)
    if image is None:
        raise CannotBuildError(f"no server image is called {name}: there are {', '.join(recipes.SERVERS)}")
    return unpacked(layers.debian_layer(image.name, image.root))


def unpacked(layer: Layer) -> Path:
    """Return the folder with the files of one layer that is complete in itself."""

    def build(scratch: Path) -> None:
        subprocess.run(["tar", "-C", scratch, "-xf", layer.tar, "--same-owner", "-p"], check=True)

    return cache.kept("rootfs", layer.key, build)


def command(root: Path, program: str, *arguments: str) -> list[str]:
    """Return the argument list that runs `program`, a path in `root` such as `/usr/sbin/mysqld`."""
    libraries = [str(path) for path in sorted(root.glob("usr/lib/*-linux-gnu"))]
    loader = next(iter(sorted(root.glob("usr/lib/*-linux-gnu/ld-linux*.so.*"))))
    return [str(loader), "--library-path", ":".join(libraries), f"{root}{program}", *arguments]


def mysqld(root: Path, data: Path, *options: str) -> list[str]:
    """Return the argument list of `mysqld` with its data in the folder `data`, all other paths inside `root`.

    Initialise first (option `--initialize-insecure`, run to its end), then start. It reads no option file.
    """
    return command(
        root,
        "/usr/sbin/mysqld",
        "--no-defaults",
        "--user=root",
        f"--datadir={data}",
        f"--lc-messages-dir={root}/usr/share/mysql",
        f"--character-sets-dir={root}/usr/share/mysql/charsets",
        f"--plugin-dir={root}/usr/lib/mysql/plugin",
        "--secure-file-priv=NULL",
        "--mysqlx=OFF",
        *options,
    )
