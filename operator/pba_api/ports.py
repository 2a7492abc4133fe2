"""Ports of the children's containers and Services, written once."""

from __future__ import annotations

from typing import Final

MYSQL: Final = 3306
SERVICE_HTTP: Final = 80
FRONTEND_HTTP: Final = 8080
"""HAProxy's port for clients inside the frontend pod (unprivileged; the Service maps 80 to it)."""
FRONTEND_HEALTH: Final = 8405
"""HAProxy's probes inside the frontend pod: no Service leads there."""
SYNC_HTTP: Final = 8404
"""The sidecar's probes and metrics."""
OPERATOR_HTTP: Final = 8080
"""The operator's probes and metrics."""
