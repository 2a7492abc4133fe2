"""The fields of HAProxy's line for each request that the sidecar reads: the log-format writes them, by these names.

They are never changed, as the words of `sidecar`: an old sidecar would find nothing in what an HAProxy that is started
anew beside it writes by the new file, and judge no node any more, without a word.
"""

from __future__ import annotations

from typing import Final

CLIENT: Final = "client"
PATH: Final = "path"
STATUS: Final = "status"
NODE: Final = "node"
END: Final = "end"
"""How the session ended, and what the client's cookie said (`%tsc`)."""
RETRIES: Final = "retries"
RESPONSE_MILLISECONDS: Final = "response_ms"
TOTAL_MILLISECONDS: Final = "total_ms"
TRIAL: Final = "trial"
"""The node on trial that the request was sent to."""
LEFT: Final = "left"
"""The node that a bound client was taken from."""
UPGRADED: Final = "upgraded"
"""Set once the connection is a WebSocket's."""
