"""`hack/images`: the command line of this package."""

from __future__ import annotations

import argparse
import json
import sys

from pba_hack.cluster.choice import VARIABLE
from pba_hack.cluster.errors import ClusterError
from pba_hack.images import recipes
from pba_hack.images.build import ALL, NAMES, build
from pba_hack.images.debian import CannotBuildError
from pba_hack.images.rootfs import rootfs
from pba_hack.progress import CommandFailedError


def main(arguments: list[str] | None = None) -> int:
    """Run the command; results go to standard output, progress and errors to standard error."""
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except (CannotBuildError, ClusterError, CommandFailedError) as error:
        print(f"hack/images: {error}", file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    match options.action:
        case "build":
            for name in options.names or NAMES:
                image = build(name)
                print(image.name, image.reference, image.tar, flush=True)
        case "list":
            _list(as_json=options.json)
        case "rootfs":
            print(rootfs(options.name))


def _list(*, as_json: bool) -> None:
    images = [build(name) for name in NAMES]
    if as_json:
        print(
            json.dumps(
                [{"name": i.name, "reference": i.reference, "tar": str(i.tar)} for i in images], indent=2
            )
        )
        return
    for image in images:
        print(image.name, image.reference)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hack/images",
        description="Make container images: without Docker for a local cluster, by Docker for one of kind.",
        epilog=f"The environment variable {VARIABLE} chooses between the two: see hack/cluster --help.",
    )
    actions = parser.add_subparsers(dest="action", required=True)
    make = actions.add_parser(
        "build", help="build images (by default those of the list); prints NAME REFERENCE TARPATH"
    )
    make.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ALL))
    shown = actions.add_parser("list", help="list the images of the operator and the demo, built if need be")
    shown.add_argument("--json", action="store_true", help="an array of {name, reference, tar}")
    root = actions.add_parser("rootfs", help="print the folder of a server image's unpacked root file system")
    root.add_argument("name", choices=sorted(recipes.SERVERS))
    return parser
