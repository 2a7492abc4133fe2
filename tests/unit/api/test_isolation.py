"""The operator, the sidecar and the tools all import the resource's types: these must bring nothing with them."""

import subprocess
import sys
from pathlib import Path

import pba_api

MODULES = sorted(
    ".".join(path.relative_to(Path(pba_api.__file__).parents[1]).with_suffix("").parts)
    for path in Path(pba_api.__file__).parent.rglob("*.py")
)


def test_types_need_the_standard_library_alone() -> None:
    packages = str(Path(pba_api.__file__).parents[1])
    # The packages' folder is on the path for `pba_api` alone: site-packages hold others beside it.
    program = f"""
import importlib, importlib.util, sys
class OnlyOurs:
    def find_spec(self, name, path=None, target=None):
        if name == "pba_api":
            return importlib.util.spec_from_file_location(
                name, {packages!r} + "/pba_api/__init__.py",
                submodule_search_locations=[{packages!r} + "/pba_api"])
sys.meta_path.insert(0, OnlyOurs())
for module in {MODULES!r}:
    importlib.import_module(module.removesuffix(".__init__"))
"""
    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_operator_folder_holds_no_module_of_its_own() -> None:
    folder = Path(__file__).parents[3] / "operator"
    assert [path.name for path in folder.iterdir() if path.suffix in (".py", ".pyi")] == []
