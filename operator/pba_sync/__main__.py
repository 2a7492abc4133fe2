"""`python -m pba_sync`: readiness to end first, then the program.

What must stay true: nothing heavy is loaded before SIGTERM has a handler. In a container this is process 1, which the
kernel spares signals without one: told to end while it was loading, it would live until its grace period is over.
"""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run the program; until it minds signals itself there is nothing to clean up, and SIGTERM ends it at once."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    from pba_sync import program  # noqa: PLC0415 - loading it takes as long as all its libraries

    program.main()


if __name__ == "__main__":
    main()
