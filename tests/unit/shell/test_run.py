from __future__ import annotations

import asyncio
import getpass
from typing import NoReturn

import pytest

from pba_operator.engine.configuration import from_environment
from pba_operator.shell.run import run


class Asked:
    """Stands for the process: finds that it cannot go on as soon as kopf has started it."""

    def __init__(self) -> None:
        self.configuration = from_environment({"PBA_SYNC_IMAGE": "pba-sync:1"})
        self.died = asyncio.Event()
        self.told: list[str] = []

    async def start(self) -> None:
        self.told.append("start")
        self.died.set()
        await asyncio.Event().wait()

    async def stop(self) -> None:
        self.told.append("stop")


async def test_it_starts_for_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    # As where /etc/passwd does not know the pod's user: in the Dockerfile's image, or with a UID of a policy's choice.
    def nameless() -> NoReturn:
        raise OSError("No username set in the environment")

    monkeypatch.setattr(getpass, "getuser", nameless)
    process = Asked()
    assert await run(process) == 1  # type: ignore[arg-type]
    assert process.told[0] == "start"
    assert process.told[-1] == "stop"
