"""Puts images on the nodes, and makes the two small ones that the cluster itself needs."""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from pba_hack import cache
from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local.archives import contents, copy_without
from pba_hack.cluster.local.blobs import BlobStore
from pba_hack.cluster.local.members import Member
from pba_hack.cluster.local.namespaces import inside
from pba_hack.oci import ImageConfig, write_archive, write_files_layer

__all__ = ["BUSYBOX_IMAGE", "PAUSE_IMAGE", "answers", "load", "own_images"]

PAUSE_IMAGE = "localhost/pause:1"
BUSYBOX_IMAGE = "localhost/busybox:1"
_RECIPE = "2"
"""Raised when the same programs are to make other images."""
_CTR = ("ctr", "--namespace=k8s.io")
_ATTEMPTS = 3


def own_images(pause: Path, busybox: Path) -> list[Path]:
    """The archives of the images that the cluster needs: pods' first process, and volumes' helper pods."""

    def build(scratch: Path) -> None:
        layer = scratch / "layer.tar"
        write_files_layer(layer, {"pause": pause})
        config = ImageConfig(entrypoint=["/pause"], user="65535:65535")
        write_archive(scratch / "pause.tar", PAUSE_IMAGE, [layer], config)
        applets = subprocess.run(
            [busybox, "--list"], capture_output=True, text=True, check=True
        ).stdout.split()
        links = {f"bin/{name}": "busybox" for name in applets if name != "busybox"}
        write_files_layer(layer, {"bin/busybox": busybox}, links)
        write_archive(scratch / "busybox.tar", BUSYBOX_IMAGE, [layer], ImageConfig(command=["/bin/sh"]))
        layer.unlink()

    folder = cache.kept("cluster-images", cache.content_key(_RECIPE, files=[pause, busybox]), build)
    return sorted(folder.glob("*.tar"))


def answers(pid: int) -> bool:
    """Whether containerd takes orders on the node with this first process."""
    return subprocess.run(inside(pid, [*_CTR, "version"]), capture_output=True, check=False).returncode == 0


def load(archives: Sequence[Path], nodes: Sequence[Member], blobs: BlobStore) -> None:
    """Import the archives on all nodes at once; what a node has already is left out.

    Args:
        archives: OCI archives.
        nodes: The nodes.
        blobs: Where the nodes' common layers are kept.

    Raises:
        ClusterError: An archive cannot be read, or a node refuses it.
    """
    references = {archive: contents(archive) for archive in archives}
    with ThreadPoolExecutor(max_workers=max(1, len(nodes))) as pool:
        missing = list(pool.map(lambda node: _missing(node, references), nodes))
        layers = {archive: blobs.take(archive) for archive in sorted(set().union(*missing))}
        futures = [
            pool.submit(_import, node, archives, layers, blobs)
            for node, archives in zip(nodes, missing, strict=True)
        ]
        for future in futures:
            future.result()


def _missing(node: Member, references: Mapping[Path, Mapping[str, str]]) -> list[Path]:
    """The archives that hold an image that the node lacks."""
    there = _images(node.pid)
    return [archive for archive, images in references.items() if images.items() - there.items()]


def _import(
    node: Member, archives: Sequence[Path], layers: Mapping[Path, Sequence[str]], blobs: BlobStore
) -> None:
    for archive in archives:
        for attempt in range(_ATTEMPTS):
            reason = _try_import(node, archive, layers[archive], blobs)
            if not reason:
                break
            if attempt + 1 == _ATTEMPTS:
                raise ClusterError(f"{node.name} does not take {archive}: {reason}")


def _try_import(node: Member, archive: Path, layers: Sequence[str], blobs: BlobStore) -> str:
    """Import one archive; returns why it was refused, or nothing.

    Between a layer and the image that uses it, containerd may clean the layer away as unused: then it refuses.
    """
    there = set(_ask(node.pid, "content", "list", "--quiet"))
    for digest in layers:
        if digest not in there:
            blobs.link(digest, node.containerd)
            size = blobs.path(digest).stat().st_size
            options = [f"--expected-digest={digest}", f"--expected-size={size}", digest]
            with blobs.path(digest).open("rb") as content:
                refused = _tell(node.pid, ["content", "ingest", *options], content)
            if refused:
                return refused
    with tempfile.TemporaryFile() as rest:
        copy_without(archive, there | set(layers), rest)
        rest.seek(0)
        return _tell(node.pid, ["images", "import", "-"], rest)


def _images(pid: int) -> dict[str, str]:
    """Reference and digest of the images of a node."""
    found = {}
    for line in _ask(pid, "images", "list")[1:]:
        reference, _media_type, digest, *_ = line.split()
        found[reference] = digest
    return found


def _ask(pid: int, *question: str) -> list[str]:
    done = subprocess.run(inside(pid, [*_CTR, *question]), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"containerd does not answer {' '.join(question)}: {done.stderr.strip()}")
    return done.stdout.splitlines()


def _tell(pid: int, words: Sequence[str], stdin: IO[bytes]) -> str:
    """Give containerd an order; returns why it refused, or nothing."""
    command = inside(pid, [*_CTR, *words])
    done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False)
    return (done.stderr.strip() or f"exit status {done.returncode}") if done.returncode else ""
