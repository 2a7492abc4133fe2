"""EndpointSlices, where no controller writes them."""

from __future__ import annotations

from typing import Any, Final

from pba_hack.apiserver import ApiServer

SERVICE: Final = "shop-backend"
_CONDITIONS: Final = {
    "ready": {"ready": True, "serving": True, "terminating": False},
    "unready": {"ready": False, "serving": False, "terminating": False},
    "terminating": {"ready": False, "serving": True, "terminating": True},
    "ending": {"ready": False, "serving": False, "terminating": True},
}


def endpoint(pod: str, address: str, state: str) -> dict[str, Any]:
    """Return a pod as a slice tells it; states are those of `_CONDITIONS`."""
    return {
        "addresses": [address],
        "conditions": _CONDITIONS[state],
        "targetRef": {"kind": "Pod", "name": pod, "namespace": "x"},
    }


class Slices:
    """The EndpointSlices of the backends' Service, written as Kubernetes' controller writes them."""

    def __init__(self, server: ApiServer, namespace: str) -> None:
        self._server = server
        self._path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"

    def write(self, name: str, states: dict[str, str], *, port: int, service: str = SERVICE) -> None:
        """Write a slice of pods at 10.9.0.1 and so on, port `port`."""
        endpoints = [
            endpoint(pod, f"10.9.{number // 250}.{number % 250 + 1}", state)
            for number, (pod, state) in enumerate(states.items())
        ]
        self.put(name, endpoints, port=port, service=service)

    def put(self, name: str, endpoints: list[dict[str, Any]], *, port: int, service: str = SERVICE) -> None:
        """Write a slice with these endpoints."""
        manifest = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
        }
        query = {"fieldManager": "tests", "force": "true"}
        answer = self._server.request(
            "PATCH", f"{self._path}/{name}", manifest, "application/apply-patch+yaml", **query
        )
        assert answer.ok, answer.data

    def delete(self, name: str) -> None:
        """Delete a slice."""
        answer = self._server.request("DELETE", f"{self._path}/{name}")
        assert answer.ok, answer.data
