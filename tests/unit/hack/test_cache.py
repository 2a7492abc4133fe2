"""What the cache keeps is whole, whoever is killed or comes at the same time."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from pba_hack import cache


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PBA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_thing_is_built_once(folder: Path) -> None:
    built = []

    def build(scratch: Path) -> None:
        built.append(scratch)
        (scratch / "thing").write_text("whole")

    first = cache.kept("things", "one", build)
    assert cache.kept("things", "one", build) == first == folder / "things" / "one"
    assert len(built) == 1
    assert (first / "thing").read_text() == "whole"


def test_what_fails_half_way_is_not_kept(folder: Path) -> None:
    def build(scratch: Path) -> None:
        (scratch / "half").touch()
        raise RuntimeError("no disk")

    with pytest.raises(RuntimeError, match="no disk"):
        cache.kept("things", "one", build)
    assert not list((folder / "things").iterdir())


def test_two_at_once_build_once() -> None:
    built: list[Path] = []
    both = threading.Barrier(2)

    def ask() -> None:
        both.wait(10)
        cache.kept("things", "one", built.append)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(built) == 1


def test_the_key_changes_with_every_input(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("a")
    plain = cache.content_key("x", files=[file])
    assert cache.content_key("x", files=[file]) == plain
    assert cache.content_key("y", files=[file]) != plain
    file.chmod(0o755)
    executable = cache.content_key("x", files=[file])
    assert executable != plain
    file.write_text("b")
    assert cache.content_key("x", files=[file]) != executable


def test_the_key_does_not_depend_on_where_the_checkout_lies(tmp_path: Path) -> None:
    keys = set()
    for name in ("here", "there"):
        base = tmp_path / name
        (base / "inner").mkdir(parents=True)
        (base / "inner" / "file").write_text("same")
        keys.add(cache.content_key(files=cache.files_under(base / "inner"), base=base))
    assert len(keys) == 1


def test_borders_between_inputs_count() -> None:
    assert cache.content_key("ab", "c") != cache.content_key("a", "bc")


def test_derived_files_do_not_count(tmp_path: Path) -> None:
    source = tmp_path / "package"
    for name in ("module.py", "__pycache__/module.pyc", ".hidden", "inner/other.py"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()
    assert cache.files_under(source) == [source / "inner" / "other.py", source / "module.py"]
