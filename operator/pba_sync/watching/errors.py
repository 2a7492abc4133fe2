"""What can go wrong between the sidecar and the API server.

    KubernetesError
    ├── ViewExpiredError          410: what we saw is too old to go on from; list again
    ├── AccessRefusedError        401, 403: the token, or the Role, is not (yet) good; or there is no token
    └── ApiUnavailableError       no answer, or 5xx

Only the watcher (`view`) decides what an error leads to; it goes on for ever.
"""

from __future__ import annotations


class KubernetesError(Exception):
    """The API server did not give what it was asked for."""


class ViewExpiredError(KubernetesError):
    """The resource version to go on from is gone (410)."""


class AccessRefusedError(KubernetesError):
    """There is no token to be read, the API server does not accept it (401), or it allows too little (403)."""


class ApiUnavailableError(KubernetesError):
    """The API server cannot be reached, or failed."""
