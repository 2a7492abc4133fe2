"""The cluster's one copy of each image layer, which the nodes' stores share by hard links.

Every node has a containerd of its own, and sending each of them every layer is most of the work of a load. containerd
(1.6 to 2.x, `content_sharing_policy = "shared"`, its default) takes a blob that lies in its store already by its
digest alone; where that does not hold, it reads the same blob from its input.
"""

import contextlib
import hashlib
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pba_hack.cluster.errors import ClusterError

__all__ = ["BlobStore"]

_PREFIX = "blobs/sha256/"
_LARGE = 256 << 10
"""What is smaller is not worth a detour."""
_CHUNK = 1 << 20
_CONTENT = Path("io.containerd.content.v1.content") / "blobs" / "sha256"


class BlobStore:
    """Layers by their digest (`sha256:...`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, archive: Path) -> list[str]:
        """Keep the large blobs of an OCI archive.

        Returns:
            Their digests.

        Raises:
            ClusterError: A blob is not what its name says.
        """
        self._folder.mkdir(exist_ok=True)
        with tarfile.open(archive) as tar:
            large = [entry for entry in tar if entry.name.startswith(_PREFIX) and entry.size >= _LARGE]
            for entry in large:
                if not (self._folder / Path(entry.name).name).exists():
                    self._keep(archive, tar, entry)
        return [f"sha256:{Path(entry.name).name}" for entry in large]

    def path(self, digest: str) -> Path:
        """Where a blob is."""
        return self._folder / digest.removeprefix("sha256:")

    def link(self, digest: str, containerd: Path) -> None:
        """Put a blob into a containerd's own store.

        Args:
            digest: The blob's digest.
            containerd: containerd's folder (`root` in its configuration), in the same file system.
        """
        target = containerd / _CONTENT / self.path(digest).name
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.link(self.path(digest), target)

    def _keep(self, archive: Path, tar: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        digest = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as partial:
            for chunk in _chunks(tar, entry):
                digest.update(chunk)
                partial.write(chunk)
        if digest.hexdigest() != Path(entry.name).name:
            Path(partial.name).unlink()
            raise ClusterError(f"{archive} is damaged: {entry.name} has the digest {digest.hexdigest()}")
        Path(partial.name).rename(self._folder / digest.hexdigest())


def _chunks(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> Iterator[bytes]:
    content = tar.extractfile(entry)
    while content and (chunk := content.read(_CHUNK)):
        yield chunk
