"""A real API server instead of the simulated one: what a user sees of it, and what stands for nodes.

The operator runs beside it, in a thread.

What must stay true: nothing here does for the operator what Kubernetes itself would not do.
"""

from pba_simulation.real.audited import OperatorsRequests
from pba_simulation.real.hands import Hands
from pba_simulation.real.namespace import Namespace, Object, pbacluster
from pba_simulation.real.patience import PATIENCE, eventually
from pba_simulation.real.running import RunningOperator

__all__ = [
    "PATIENCE",
    "Hands",
    "Namespace",
    "Object",
    "OperatorsRequests",
    "RunningOperator",
    "eventually",
    "pbacluster",
]
