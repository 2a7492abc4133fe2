"""Puts images on the nodes, and makes the two small ones that the cluster itself needs."""

import json
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pba_hack import cache
from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local.namespaces import inside
from pba_hack.oci import ImageConfig, write_archive, write_files_layer

__all__ = ["BUSYBOX_IMAGE", "PAUSE_IMAGE", "answers", "contents", "load", "own_images"]

PAUSE_IMAGE = "localhost/pause:1"
BUSYBOX_IMAGE = "localhost/busybox:1"
_RECIPE = "2"
"""Raised when the same programs are to make other images."""
_CTR = ("ctr", "--namespace=k8s.io", "images")


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
    return (
        subprocess.run(inside(pid, [*_CTR, "list", "-q"]), capture_output=True, check=False).returncode == 0
    )


def contents(archive: Path) -> dict[str, str]:
    """The images of an OCI archive: reference to manifest digest.

    Raises:
        ClusterError: It is no such archive.
    """
    try:
        with tarfile.open(archive) as tar:
            index = tar.extractfile("index.json")
            manifests = json.load(index)["manifests"] if index else []
    except (OSError, tarfile.TarError, KeyError, ValueError) as error:
        raise ClusterError(
            f"{archive} is no OCI image archive (a tar with an index.json): {error}"
        ) from error
    found = {}
    for manifest in manifests:
        name = manifest.get("annotations", {}).get("io.containerd.image.name")
        if name:
            found[name] = manifest["digest"]
    if not found:
        raise ClusterError(f"{archive} names no image: the annotation io.containerd.image.name is missing")
    return found


def load(archives: Sequence[Path], nodes: Mapping[str, int]) -> None:
    """Import the archives on all nodes at once; what a node has already is left out.

    Args:
        archives: OCI archives.
        nodes: Each node's name and first process.

    Raises:
        ClusterError: An archive cannot be read, or a node refuses it.
    """
    wanted = {archive: contents(archive) for archive in archives}
    with ThreadPoolExecutor(max_workers=max(1, len(nodes))) as pool:
        futures = [pool.submit(_load_on_node, name, pid, wanted) for name, pid in nodes.items()]
        for future in futures:
            future.result()


def _load_on_node(name: str, pid: int, wanted: Mapping[Path, Mapping[str, str]]) -> None:
    there = _present(pid)
    for archive, images in wanted.items():
        if all(there.get(reference) == digest for reference, digest in images.items()):
            continue
        with archive.open("rb") as content:
            command = inside(pid, [*_CTR, "import", "-"])
            done = subprocess.run(command, stdin=content, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ClusterError(f"{name} does not take {archive}: {done.stderr.strip()}")


def _present(pid: int) -> dict[str, str]:
    done = subprocess.run(inside(pid, [*_CTR, "list"]), capture_output=True, text=True, check=False)
    return dict(_references(done.stdout.splitlines()[1:]))


def _references(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        reference, _media_type, digest, *_ = line.split()
        yield reference, digest
