"""Ports of the children's containers and Services, and of the operator itself, written once."""

from __future__ import annotations

from typing import Final

HTTP_NAME: Final = "http"
"""Of every port that serves clients' requests, in containers and Services: Services find it, and the sidecar looks for
it in EndpointSlices."""
HTTPS_NAME: Final = "https"
"""The same, over TLS."""
MYSQL: Final = 3306
MYSQL_GROUP: Final = 33061
"""Where members of a group talk to each other."""
SERVICE_HTTP: Final = 80
SERVICE_HTTPS: Final = 443
FRONTEND_HTTP: Final = 8080
"""HAProxy's port for clients inside the frontend pod (unprivileged; the Service maps 80 to it)."""
FRONTEND_HTTPS: Final = 8443
"""The same for clients over TLS (443)."""
FRONTEND_HEALTH: Final = 8405
"""HAProxy's probes inside the frontend pod: no Service leads there."""
SYNC_HTTP: Final = 8404
"""The sidecar's probes and metrics."""
OPERATOR_HTTP: Final = 8080
"""The operator's probes and metrics; the chart says the same."""
