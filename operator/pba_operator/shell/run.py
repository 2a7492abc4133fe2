"""From the first watch to the last: kopf's operator around the process."""

from __future__ import annotations

import logging

import kopf
from kopf._core.engines.peering import Identity

from pba_operator.engine.process import Process
from pba_operator.shell.memories import NoMemories
from pba_operator.shell.registry import registry_for, settings

logger = logging.getLogger(__name__)


async def run(process: Process) -> int:
    """Run `process`, which is not started yet, until SIGTERM or until one of its parts dies.

    Returns:
        The exit code.
    """
    namespaces = process.configuration.namespaces
    try:
        await kopf.operator(
            registry=registry_for(process),
            settings=settings(),
            memories=NoMemories(),
            # Without one kopf asks for the user's name, and ends: an image's passwd need not know the pod's user.
            identity=Identity(process.configuration.identity),
            clusterwide=not namespaces,
            namespaces=namespaces,
            stop_flag=process.died,
        )
    except Exception:
        # kopf takes some answers for fatal: an error in a watch other than 410, a listing that cannot be continued.
        logger.critical("kopf has ended", exc_info=True)
        return 1
    finally:
        await process.stop()
    return 1 if process.died.is_set() else 0
