"""Writes a container image as an OCI archive (one tar file) from ready-made layers.

Standard library only and reproducible: equal layers and configuration give the same bytes and digest.
containerd imports the archive under the image's reference (`ctr images import`, `kind load image-archive`).
Format: OCI image-spec 1.0 (image-layout.md, config.md, manifest.md); the reference stands in containerd's own
annotation `io.containerd.image.name`.
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["ImageConfig", "architecture", "write_archive", "write_files_layer"]

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_CHUNK = 1 << 20


@dataclass(frozen=True)
class ImageConfig:
    """How a container of the image starts, unless its pod says otherwise."""

    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    user: str = ""
    """`uid` or `uid:gid`; empty is root."""
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str = ""
    stop_signal: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Blob:
    digest: str
    size: int

    @property
    def name(self) -> str:
        return "blobs/sha256/" + self.digest.removeprefix("sha256:")


def write_archive(out: Path, reference: str, layers: Sequence[Path], config: ImageConfig) -> str:
    """Write the archive; an archive under the same name is replaced when the new one is whole.

    Args:
        out: The archive's path.
        reference: The image's full name, such as `localhost/pba-operator:abc`.
        layers: Uncompressed tar files, lowest first.
        config: How containers start.

    Returns:
        The manifest's digest, `sha256:...`.
    """
    partial = out.with_name(out.name + ".partial")
    blobs = [_hash_file(layer) for layer in layers]
    config_data = _json(_config(config, blobs))
    manifest_data = _json(_manifest(_hash(config_data), blobs))
    manifest = _hash(manifest_data)
    with tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", _json(_index(manifest, reference)))
        _add(archive, manifest.name, manifest_data)
        _add(archive, _hash(config_data).name, config_data)
        for name, layer in {blob.name: layer for blob, layer in zip(blobs, layers, strict=True)}.items():
            with layer.open("rb") as content:
                archive.addfile(_entry(name, layer.stat().st_size), content)
    partial.rename(out)
    return manifest.digest


def write_files_layer(out: Path, files: Mapping[str, Path], links: Mapping[str, str] | None = None) -> None:
    """Write a small layer of executable files and symbolic links, all owned by root, and a `/tmp` for everybody.

    Args:
        out: The layer's tar file.
        files: Path in the image (no leading slash) to the file that it is copied from.
        links: Path in the image to the link's target.
    """
    links = links or {}
    folders = {str(parent) for name in (*files, *links) for parent in Path(name).parents} - {".", "tmp"}
    with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as layer:
        for name in sorted(folders):
            layer.addfile(_entry(name, 0, mode=0o755, kind=tarfile.DIRTYPE))
        layer.addfile(_entry("tmp", 0, mode=0o1777, kind=tarfile.DIRTYPE))
        for name, source in sorted(files.items()):
            _add(layer, name, source.read_bytes(), mode=0o755)
        for name, target in sorted(links.items()):
            entry = _entry(name, 0, mode=0o777, kind=tarfile.SYMTYPE)
            entry.linkname = target
            layer.addfile(entry)


def architecture() -> str:
    """This machine's architecture in OCI's words (GOARCH)."""
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine)


def _config(config: ImageConfig, blobs: Sequence[_Blob]) -> dict[str, Any]:
    env = [_PATH] if "PATH" not in config.env else []
    run = {
        "Entrypoint": list(config.entrypoint),
        "Cmd": list(config.command),
        "User": config.user,
        "Env": env + [f"{name}={value}" for name, value in sorted(config.env.items())],
        "WorkingDir": config.workdir,
        "StopSignal": config.stop_signal,
        "Labels": dict(config.labels),
    }
    return {
        "architecture": architecture(),
        "os": "linux",
        "config": {key: value for key, value in run.items() if value},
        "rootfs": {"type": "layers", "diff_ids": [blob.digest for blob in blobs]},
        "history": [{"created_by": "hack"} for _ in blobs],
    }


def _manifest(config: _Blob, blobs: Sequence[_Blob]) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar", blob) for blob in blobs],
    }


def _index(manifest: _Blob, reference: str) -> dict[str, Any]:
    descriptor = _descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
    names = {
        "io.containerd.image.name": reference,
        "org.opencontainers.image.ref.name": reference.rpartition(":")[2],
    }
    return {"schemaVersion": 2, "manifests": [{**descriptor, "annotations": names}]}


def _descriptor(media_type: str, blob: _Blob) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": blob.digest, "size": blob.size}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _hash(data: bytes) -> _Blob:
    return _Blob("sha256:" + hashlib.sha256(data).hexdigest(), len(data))


def _hash_file(path: Path) -> _Blob:
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    return _Blob("sha256:" + digest.hexdigest(), path.stat().st_size)


def _entry(name: str, size: int, *, mode: int = 0o644, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.type, entry.mtime = size, mode, kind, 0
    return entry


def _add(archive: tarfile.TarFile, name: str, data: bytes, *, mode: int = 0o644) -> None:
    archive.addfile(_entry(name, len(data), mode=mode), io.BytesIO(data))
