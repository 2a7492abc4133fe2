"""Layers: the same files give the same bytes, whoever made them and when."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from pba_hack.images import tarball


def archive(path: Path, *members: tarfile.TarInfo, content: bytes = b"") -> Path:
    with tarfile.open(path, "w") as tar:
        for member in members:
            if member.isreg():
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return path


def member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mtime: int = 1_800_000_000
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mtime, info.mode = kind, link, mtime, 0o755
    return info


def names(path: Path) -> list[str]:
    with tarfile.open(path) as tar:
        return tar.getnames()


def test_order_and_times_do_not_matter(tmp_path: Path) -> None:
    folder, early, late = (
        member("./etc", tarfile.DIRTYPE),
        member("./etc/a", mtime=1),
        member("./etc/b", mtime=2),
    )
    one = archive(tmp_path / "one.tar", folder, early, late)
    other = archive(
        tmp_path / "other.tar", member("./etc/b"), member("./etc", tarfile.DIRTYPE), member("./etc/a")
    )
    tarball.from_tar(one, tmp_path / "one", ())
    tarball.from_tar(other, tmp_path / "two", ())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_what_matches_is_dropped_with_all_that_is_in_it(tmp_path: Path) -> None:
    paths = (
        "./usr/share/doc/a/b",
        "./usr/share/doc",
        "./usr/share/docs",
        "./usr/lib/x86-linux-gnu/perl/Foo.pm",
    )
    source = archive(tmp_path / "source.tar", *(member(path) for path in paths))
    tarball.from_tar(source, tmp_path / "layer", ("/usr/share/doc/*", "/usr/lib/*-linux-gnu/perl"))
    assert names(tmp_path / "layer") == ["usr/share/doc", "usr/share/docs"]


def test_a_hard_link_to_what_is_dropped_is_an_error_and_no_broken_image(tmp_path: Path) -> None:
    link = member("./usr/bin/perl5", tarfile.LNKTYPE, "./usr/bin/perl")
    source = archive(tmp_path / "source.tar", member("./usr/bin/perl"), link)
    with pytest.raises(ValueError, match="perl5 is a hard link"):
        tarball.from_tar(source, tmp_path / "layer", ("/usr/bin/perl",))


def test_devices_and_the_root_folder_are_the_runtimes(tmp_path: Path) -> None:
    source = archive(
        tmp_path / "source.tar",
        member(".", tarfile.DIRTYPE),
        member("./dev", tarfile.DIRTYPE),
        member("./dev/null", tarfile.CHRTYPE),
    )
    tarball.from_tar(source, tmp_path / "layer", ())
    assert names(tmp_path / "layer") == ["dev"]


def test_folders_are_placed_below_their_prefix_and_belong_to_root(tmp_path: Path) -> None:
    (tmp_path / "code" / "package").mkdir(parents=True)
    (tmp_path / "code" / "package" / "module.py").write_text("pass")
    (tmp_path / "code" / "package" / "module.py").chmod(0o600)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "run").write_text("#!/bin/sh")
    (tmp_path / "bin" / "run").chmod(0o700)
    os.chown(tmp_path / "bin" / "run", 1234, 1234)
    tarball.from_folders({"/opt/app": tmp_path / "code", "/usr/bin": tmp_path / "bin"}, tmp_path / "layer")
    with tarfile.open(tmp_path / "layer") as tar:
        found = {info.name: (info.mode, info.uid, info.mtime) for info in tar}
    assert found == {
        "opt": (0o755, 0, tarball.EPOCH),
        "opt/app": (0o755, 0, tarball.EPOCH),
        "opt/app/package": (0o755, 0, tarball.EPOCH),
        "opt/app/package/module.py": (0o644, 0, tarball.EPOCH),
        "usr": (0o755, 0, tarball.EPOCH),
        "usr/bin": (0o755, 0, tarball.EPOCH),
        "usr/bin/run": (0o755, 0, tarball.EPOCH),
    }
