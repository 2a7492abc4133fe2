"""`hack/images`: the command line of this package."""

from __future__ import annotations

import argparse
import sys

from pba_hack.images import recipes
from pba_hack.images.debian import CannotBuildError
from pba_hack.images.rootfs import rootfs


def main(arguments: list[str] | None = None) -> int:
    """Run the command; results go to standard output, progress and errors to standard error."""
    options = _parser().parse_args(arguments)
    try:
        print(rootfs(options.name))
    except CannotBuildError as error:
        print(f"hack/images: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hack/images", description="Make container images without Docker.")
    commands = parser.add_subparsers(dest="command", required=True)
    root = commands.add_parser("rootfs", help="print the folder of an image's unpacked root file system")
    root.add_argument("name", choices=sorted(recipes.SERVERS))
    return parser
