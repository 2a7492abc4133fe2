"""What is told of certificates."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge


class TLSMetrics:
    """Metrics of the certificates that HAProxy shows."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._usable = Gauge(
            "pba_sync_tls_secret_usable",
            "1: HAProxy uses what the Secret holds; 0: that cannot be used, HAProxy goes on with what it has.",
            ["secret"],
            registry=registry,
        )
        self._ends = Gauge(
            "pba_sync_tls_certificate_not_after_timestamp_seconds",
            "When the certificate expires that HAProxy shows.",
            ["secret"],
            registry=registry,
        )

    def on_secret(self, secret: str, usable: bool) -> None:  # noqa: FBT001 - a callback's shape
        """Note whether HAProxy uses what a Secret with a certificate holds."""
        self._usable.labels(secret).set(usable)

    def on_certificate(self, secret: str, ends: float) -> None:
        """Note when a certificate expires that HAProxy shows."""
        self._ends.labels(secret).set(ends)
