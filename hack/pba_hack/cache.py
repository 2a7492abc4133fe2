"""The one folder outside of the work tree where built things are kept between runs.

What is in it can be deleted at any time and is made again. Two processes may want the same thing at once,
and either may be killed half-way: a thing is built in a scratch folder under a lock and moved into place when
it is whole, so what exists under its final name is complete.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

__all__ = ["content_key", "files_under", "folder", "kept", "lock", "root"]


def root() -> Path:
    """The cache folder: `$PBA_CACHE`, or `~/.cache/pba-operator`."""
    chosen = os.environ.get("PBA_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else Path.home() / ".cache" / "pba-operator"


def folder(*parts: str) -> Path:
    """A folder inside the cache, created when missing."""
    path = root().joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold the cache's lock `name`; other processes that want it wait. Released by the kernel if we die."""
    with (folder("locks") / name).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def kept(kind: str, key: str, build: Callable[[Path], None]) -> Path:
    """The folder `kind/key` of the cache; made by `build(scratch folder)` if it is not there yet.

    Args:
        kind: What sort of thing it is; a folder of the cache.
        key: What tells it from others of its sort, such as a version and a content hash.
        build: Fills the empty folder that it is given. When it raises, nothing is kept.
    """
    final = folder(kind) / key
    if final.is_dir():
        return final
    with lock(f"{kind}-{key}"):
        if final.is_dir():
            return final
        scratch = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=final.parent))
        try:
            build(scratch)
            scratch.chmod(0o755)
            scratch.rename(final)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
    return final


def files_under(*paths: Path) -> list[Path]:
    """All files below the given files and folders, sorted; bytecode and hidden files left out."""
    found: set[Path] = set()
    for path in paths:
        candidates = [path] if path.is_file() else path.rglob("*")
        found.update(
            item for item in candidates if item.is_file() and not _is_derived(item.relative_to(path.parent))
        )
    return sorted(found)


def content_key(*parts: str | bytes, files: Iterable[Path] = (), base: Path | None = None) -> str:
    """A short hash of strings and of files' names and contents: equal input, equal key.

    Args:
        *parts: Whatever else the result depends on, such as versions and flags.
        files: Files whose contents count.
        base: Names count relative to it, so that the key does not depend on where the checkout lies.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(b"p%d:" % len(data) + data)
    for path in files:
        name = str(path.relative_to(base) if base else path.name).encode()
        data = path.read_bytes()
        executable = path.stat().st_mode & 0o100
        digest.update(b"f%d:%d:%d:" % (len(name), len(data), executable) + name + data)
    return digest.hexdigest()[:16]


def _is_derived(name: Path) -> bool:
    return name.suffix == ".pyc" or any(part.startswith(".") or part == "__pycache__" for part in name.parts)
