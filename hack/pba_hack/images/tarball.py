"""Layers of container images: tar archives whose bytes depend on their content alone.

What must stay true: entries are sorted, times fixed and owners explicit, so that the same files always give
the same digest, and a node or a cache that has a layer never gets it again.
"""

from __future__ import annotations

import fnmatch
import io
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


def from_folder(folder: Path, target: Path, prefix: str) -> None:
    """Write `target` with all that is in `folder`, placed under the absolute path `prefix`, owned by root."""
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as layer:
        for member in _parents(prefix):
            layer.addfile(member)
        for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).parts):
            name = f"{prefix.rstrip('/')}/{path.relative_to(folder).as_posix()}"
            member = _owned_by_root(layer.gettarinfo(path, arcname=name.lstrip("/")))
            if not member.isreg():
                layer.addfile(member)
                continue
            with path.open("rb") as content:
                layer.addfile(member, content)


def from_contents(contents: Mapping[str, tuple[int, bytes]], target: Path) -> None:
    """Write `target` with files given as absolute path -> (mode, content); their folders are not in it."""
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as layer:
        for path, (mode, content) in sorted(contents.items()):
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode, member.mtime = len(content), mode, EPOCH
            layer.addfile(member, io.BytesIO(content))


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


def _parents(prefix: str) -> Iterator[tarfile.TarInfo]:
    parts = prefix.strip("/").split("/")
    for depth in range(1, len(parts) + 1):
        member = tarfile.TarInfo("/".join(parts[:depth]))
        member.type, member.mode, member.mtime = tarfile.DIRTYPE, 0o755, EPOCH
        yield member
