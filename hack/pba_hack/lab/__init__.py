"""A balancer's laboratory without any cluster: the real HAProxy, small nodes, clients that never retry.

Everything is on loopback. Requests carry identifiers that both ends count: sent = answered = executed once.
"""

from pba_hack.lab.clients import Clients
from pba_hack.lab.haproxy import HAProxyProcess
from pba_hack.lab.nodes import Node

__all__ = ["Clients", "HAProxyProcess", "Node"]
