"""NetworkPolicies of the nine pods, and who reaches whom under them.

Most are Kubernetes' own (test/e2e/network/netpol/network_policy.go, 1.35), under their names there; the others are
sentences of the API's reference that those leave out (`k8s.io/api/networking/v1/types.go`).
"""

from __future__ import annotations

from pba_policies.blocks import BLOCKS
from pba_policies.directions import TYPES
from pba_policies.port_rules import PORT_RULES
from pba_policies.selecting import SELECTING

CASES = (*SELECTING, *PORT_RULES, *TYPES, *BLOCKS)
