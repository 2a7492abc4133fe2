"""Layers of container images: tar archives whose bytes depend on their content alone.

What must stay true: entries are sorted, times fixed and owners explicit, so that the same files always give
the same digest, and a node or a cache that has a layer never gets it again.
"""

from __future__ import annotations

import fnmatch
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

EPOCH = 1735689600
"""2025-01-01 UTC, in seconds: the time of every file in every image (`SOURCE_DATE_EPOCH`)."""


def from_tar(source: Path, target: Path, drop: Iterable[str]) -> None:
    """Write `target` from the tar archive `source`, less what matches one of the patterns `drop`.

    Patterns are absolute paths with wildcards; a folder that matches goes with all that is in it.
    """
    patterns = tuple(drop)
    with tarfile.open(source) as archive, tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as layer:
        members = {_absolute(member.name): member for member in archive.getmembers()}
        dropped = {path for path in members if _matches(path, patterns)}
        for path in sorted(members.keys() - dropped, key=lambda path: path.split("/")):
            member = members[path]
            if member.islnk() and _absolute(member.linkname) in dropped:
                raise ValueError(f"{path} is a hard link to {member.linkname}, which is dropped: drop both")
            if path == "/" or member.ischr() or member.isblk():
                continue  # the container runtime brings the root folder and /dev
            content = archive.extractfile(member) if member.isreg() else None
            layer.addfile(_fixed(member, path), content)


def from_folders(folders: Mapping[str, Path], target: Path) -> None:
    """Write `target` with all that is in `folders`, each placed under its absolute path, owned by root."""
    entries = {name: source for prefix, folder in folders.items() for name, source in _placed(prefix, folder)}
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as layer:
        for name in sorted(entries, key=lambda name: name.split("/")):
            source = entries[name]
            if source is None:
                layer.addfile(_folder(name))
                continue
            member = _owned_by_root(layer.gettarinfo(source, arcname=name))
            if not member.isreg():
                layer.addfile(member)
                continue
            with source.open("rb") as content:
                layer.addfile(member, content)


def _absolute(name: str) -> str:
    return "/" + name.removeprefix(".").strip("/")


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    parts = path.split("/")
    ancestry = ["/".join(parts[: depth + 1]) for depth in range(1, len(parts))]
    return any(fnmatch.fnmatchcase(ancestor, pattern) for pattern in patterns for ancestor in ancestry)


def _fixed(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
    member.name = path.lstrip("/")
    if member.islnk():
        member.linkname = _absolute(member.linkname).lstrip("/")
    member.mtime = EPOCH
    member.uname = member.gname = ""
    member.pax_headers = {}
    return member


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = EPOCH
    if member.isdir() or member.mode & 0o100:
        member.mode = 0o755
    else:
        member.mode = 0o644
    return member


def _placed(prefix: str, folder: Path) -> Iterator[tuple[str, Path | None]]:
    """Yield (name in the archive, source) of all in `folder`; the folders of `prefix` have no source."""
    parts = prefix.strip("/").split("/")
    for depth in range(1, len(parts) + 1):
        yield "/".join(parts[:depth]), None
    for path in folder.rglob("*"):
        yield "/".join([*parts, *path.relative_to(folder).parts]), path


def _folder(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.mtime = tarfile.DIRTYPE, 0o755, EPOCH
    return member
