"""The PBACluster as frozen dataclasses: the one source of the CRD's schema, defaults and bounds.

The CRD is generated from these types (`hack/generate`), so a field's default, bounds and description stand
here and nowhere else. A field appears here together with the code that obeys it.

The modules of this package do not postpone their annotations: the marks in them are read when the program runs.
"""

from pba_api.types.application import Application, ConfigFile, EnvNames, Probe, Probes
from pba_api.types.common import ChildMetadata, Json, KeyReference, LocalReference, PodSettings
from pba_api.types.database import Database, DatabaseUser, Storage
from pba_api.types.external import ExternalNode
from pba_api.types.frontend import Frontend
from pba_api.types.frontend_affinity import SessionAffinity
from pba_api.types.frontend_balancing import Balancing
from pba_api.types.frontend_tls import FrontendTLS
from pba_api.types.frontend_traffic import Checks, Limits, PathLimits, Retries, Timeouts
from pba_api.types.nodes import Backend, Management, Rollout, ServiceSettings
from pba_api.types.spec import PBAClusterSpec
from pba_api.types.status import PBACluster, PBAClusterStatus

__all__ = [
    "Application",
    "Backend",
    "Balancing",
    "Checks",
    "ChildMetadata",
    "ConfigFile",
    "Database",
    "DatabaseUser",
    "EnvNames",
    "ExternalNode",
    "Frontend",
    "FrontendTLS",
    "Json",
    "KeyReference",
    "Limits",
    "LocalReference",
    "Management",
    "PBACluster",
    "PBAClusterSpec",
    "PBAClusterStatus",
    "PathLimits",
    "PodSettings",
    "Probe",
    "Probes",
    "Retries",
    "Rollout",
    "ServiceSettings",
    "SessionAffinity",
    "Storage",
    "Timeouts",
]
