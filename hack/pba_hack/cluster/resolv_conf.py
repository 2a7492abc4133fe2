"""How programs in `exec` find the cluster's name server, and what its names end in."""

from typing import Final

from pba_hack.cluster.layout import CommonLayout

__all__ = ["DOMAIN", "write"]

DOMAIN: Final = "cluster.local"
"""Kubernetes' own default, so also kind's."""


def write(layout: CommonLayout, server: str) -> None:
    """Write what programs in `exec` read to find the name server, as the kubelet writes it for pods."""
    layout.resolv_conf.write_text(
        f"nameserver {server}\nsearch default.svc.{DOMAIN} svc.{DOMAIN} {DOMAIN}\noptions ndots:5\n"
    )
