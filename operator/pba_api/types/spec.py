"""The spec as a whole: what a user asks for."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pba_api.markers import Default, Doc, Items, Required, Rule, Text
from pba_api.types.application import Application
from pba_api.types.common import ChildMetadata, LocalReference
from pba_api.types.database import Database
from pba_api.types.frontend import Frontend
from pba_api.types.network import NetworkSettings
from pba_api.types.nodes import Backend, Management, ServiceSettings


@dataclass(frozen=True)
class PBAClusterSpec:
    """What a user asks for."""

    RULES: ClassVar = (
        Rule(
            "!has(self.backend) || has(self.frontend)",
            "backend needs a frontend, through which clients reach its nodes: add frontend, or remove backend (the "
            "Service then leads to the management node)",
        ),
        Rule(
            "has(self.frontend) || self.management.servesTraffic",
            "management.servesTraffic must be true without a frontend, because the management node is then the only "
            "one that can answer: set it to true, or add frontend and backend",
        ),
        Rule(
            "!has(self.frontend) || has(self.backend) || self.management.servesTraffic",
            "frontend needs nodes to lead to: add backend, or set management.servesTraffic to true",
        ),
    )

    paused: Annotated[
        bool,
        Doc(
            "True: observe and report only; nothing but the status is written. Deletion is carried out all the same."
        ),
        Default(value=False),
    ]
    deletion_policy: Annotated[
        str,
        Doc(
            "What deleting the PBACluster does to its volumes and credentials, together: Retain keeps them, and a "
            "PBACluster made anew under the same name takes them back; Delete deletes them."
        ),
        Default("Retain"),
        Text(one_of=("Retain", "Delete")),
    ]
    image_pull_secrets: Annotated[
        tuple[LocalReference, ...],
        Doc("Secrets with which the images of all pods are pulled."),
        Items(20, keys=("name",)),
    ]
    child_metadata: Annotated[
        ChildMetadata,
        Doc("Labels and annotations for every object that is made for this PBACluster."),
        Default({}),
    ]
    application: Annotated[Application, Doc("The web application."), Required()]
    management: Annotated[
        Management, Doc("The management node: the application's first node, always there."), Default({})
    ]
    database: Annotated[Database, Doc("The MySQL server."), Required()]
    backend: Annotated[
        Backend | None,
        Doc("The backend nodes, clones of the application; absent: none. They need a frontend."),
    ]
    frontend: Annotated[
        Frontend | None,
        Doc(
            "The frontend nodes, HAProxy with its sidecar; absent: none, and the Service leads to the management node. "
            "They lead to the backend nodes, and to the management node if management.servesTraffic is true."
        ),
    ]
    service: Annotated[ServiceSettings, Doc("The clients' one address, at every stage."), Default({})]
    network: Annotated[NetworkSettings, Doc("Who may reach whom."), Default({})]
