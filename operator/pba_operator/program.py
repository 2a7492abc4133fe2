"""The operator put together, and run until it is told to stop."""

from __future__ import annotations

import asyncio
import functools
import random
import sys

from kubernetes.config import ConfigException

from pba_operator.domain.cluster import read
from pba_operator.domain.frontend import SyncImage
from pba_operator.domain.network.policies import OperatorPods
from pba_operator.domain.plan import evidence, plan, references
from pba_operator.domain.report import report
from pba_operator.engine.assembly import Engine
from pba_operator.engine.configuration import Configuration, ConfigurationError, from_environment
from pba_operator.engine.metrics import Metrics
from pba_operator.engine.ports import Domain
from pba_operator.engine.process import Process
from pba_operator.kube.client import Client
from pba_operator.kube.clock import SystemClock
from pba_operator.kube.credentials import Credentials, load
from pba_operator.mysql.accounts import MySQLAccounts
from pba_operator.mysql.material import Material
from pba_operator.shell.logs import configure
from pba_operator.shell.run import run


def domain_for(configuration: Configuration) -> Domain:
    """Return what decides, with the images and the operator's own pods that the configuration names."""
    image = SyncImage(configuration.sync_image, configuration.sync_image_pull_policy)
    labels = configuration.pod_labels
    operator = OperatorPods(configuration.lease_namespace, labels) if labels else None
    return Domain(
        read=read,
        plan=functools.partial(plan, sync_image=image, operator=operator),
        report=report,
        references=references,
        evidence=evidence,
    )


async def operate(configuration: Configuration, credentials: Credentials) -> int:
    """Run the operator until SIGTERM, or until a part of it dies; return the exit code."""
    clock = SystemClock()
    accounts = MySQLAccounts()

    def build(client: Client) -> Engine:
        return Engine(
            kube=client,
            domain=domain_for(configuration),
            accounts=accounts,
            material=Material(),
            clock=clock,
            jitter=random.random,
            metrics=Metrics(),
            namespaces=configuration.namespaces,
        )

    try:
        return await run(Process(configuration, credentials, clock, build))
    finally:
        accounts.close()


def main() -> None:
    """Run the operator as the environment says; exit with its code, with 2 if it cannot begin."""
    try:
        configuration = from_environment()
        credentials = load()
    except (ConfigurationError, ConfigException) as error:
        sys.stderr.write(f"pba-operator: {error}\n")
        sys.exit(2)
    configure(configuration.log_level)
    sys.exit(asyncio.run(operate(configuration, credentials)))
