"""The cluster's name server: CoreDNS in the hub, behind the Service `kube-dns` like in any cluster.

In the hub and not in a pod, so that the crash of a node never takes names away from the others. It answers names and
addresses (reverse) of the cluster; everything else does not exist, since there is no way out.
"""

from collections.abc import Sequence
from pathlib import Path

from pba_hack.cluster import resolv_conf
from pba_hack.cluster.local import addresses
from pba_hack.cluster.local.layout import Layout
from pba_hack.cluster.local.programs import Program

__all__ = ["program", "write_configuration"]

_COREFILE = """\
{domain}:53 in-addr.arpa:53 ip6.arpa:53 {{
    bind {address}
    errors
    kubernetes {domain} in-addr.arpa ip6.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
        ttl 2
    }}
    loadbalance
}}
.:53 {{
    bind {address}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""


def write_configuration(layout: Layout) -> None:
    """Write what the name server reads, and what programs in `exec` read to find it."""
    corefile = _COREFILE.format(
        address=addresses.NAME_SERVER, domain=resolv_conf.DOMAIN, kubeconfig=layout.pki / "dns.kubeconfig"
    )
    (layout.folder / "Corefile").write_text(corefile)
    resolv_conf.write(layout, addresses.NAME_SERVER)


def program(layout: Layout, coredns: Path, after: Sequence[str]) -> Program:
    """Return the name server as a program of the hub."""
    command = [str(coredns), "-conf", str(layout.folder / "Corefile")]
    return Program("coredns", command, str(layout.logs / "coredns.log"), after)
