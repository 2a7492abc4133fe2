"""A balancer's laboratory without any cluster: the real HAProxy, small nodes, clients that never retry.

Everything is on loopback. Requests carry identifiers that both ends count: sent = answered = executed once.
"""

from pba_lab.clients import Clients
from pba_lab.haproxy import HAProxyProcess
from pba_lab.nodes import Node

__all__ = ["Clients", "HAProxyProcess", "Node"]
