"""What GitOps tools make of an object, said by their own code: kstatus (Flux and others), and Argo CD's Lua.

The program behind it is in `cluster/go/gitops`; `hack/cluster binary kstatus` builds it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pba_hack.binaries import binary
from pba_hack.checkout import CHECKOUT

Json = dict[str, Any]

HEALTH = CHECKOUT / "manifests" / "argocd" / "health.lua"


@dataclass(frozen=True)
class Verdict:
    """What a tool shows for an object."""

    status: str
    message: str


class JudgeError(Exception):
    """The tool has no verdict, as when a script of Lua ends with an error; the message is its own."""


def kstatus(*manifests: Json) -> list[Verdict]:
    """Return kstatus' word for each object: Current, InProgress, Failed or Terminating.

    Raises:
        JudgeError: it cannot make sense of one.
    """
    return _ask(manifests, "kstatus")


def argocd_health(*manifests: Json, script: Path = HEALTH) -> list[Verdict]:
    """Return the health that Argo CD shows for each object when `script` is its health check.

    Raises:
        JudgeError: the script ended with an error, or took too long.
    """
    return _ask(manifests, "argocd-health", str(script))


def _ask(manifests: Sequence[Json], program: str, *arguments: str) -> list[Verdict]:
    done = subprocess.run(
        [str(binary(program)), *arguments],
        input="\n".join(map(json.dumps, manifests)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise JudgeError(done.stderr.strip())
    return [Verdict(**json.loads(line)) for line in done.stdout.splitlines()]
