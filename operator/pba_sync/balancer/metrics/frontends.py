"""What is told of the other frontends, and of the view of all of them."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge


class FrontendMetrics:
    """Metrics of the other frontends, and of how old the view of all of them is."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._serving = Gauge(
            "pba_sync_frontends_serving",
            "Other frontends that have a node which passes their checks.",
            registry=registry,
        )
        self._spread = Gauge(
            "pba_sync_clients_spread",
            "Clients that ask several frontends together for more than a client may.",
            registry=registry,
        )
        self._unheard = Gauge(
            "pba_sync_frontends_unheard",
            "Other frontends that were asked what clients ask them for, and did not tell.",
            registry=registry,
        )

        self._age = Gauge(
            "pba_sync_frontends_view_age_seconds",
            "Seconds since anything told that the view of the frontends is current; NaN before the first view.",
            registry=registry,
        )

    def tell_age(self, age: Callable[[], float]) -> None:
        """Tell how old the view of the frontends is, too; `age` returns it, in seconds."""
        self._age.set_function(age)

    def on_others(self, count: int) -> None:
        """Note how many other frontends can serve."""
        self._serving.set(count)

    def on_rates(self, spread: int, unheard: int) -> None:
        """Note how many clients are held to what others tell of them, and how many others tell nothing."""
        self._spread.set(spread)
        self._unheard.set(unheard)
