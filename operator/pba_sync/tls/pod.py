"""The keeper as a frontend's pod has it: the folders that the operator mounts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from pba_api import names, sidecar
from pba_sync.settings import Settings
from pba_sync.tls.items import Authorities, Certificate, TicketKeys
from pba_sync.tls.keeper import Keeper, KeeperHooks, Runtime


def keeper(
    settings: Settings,
    haproxy: Runtime,
    on_secret: Callable[[str, bool], None],
    on_certificate: Callable[[str, float], None],
) -> Keeper:
    """Return the keeper of the certificates that the settings name.

    Args:
        settings: the sidecar's.
        haproxy: the HAProxy of this pod.
        on_secret: is told a Secret and whether what it holds is used.
        on_certificate: is told a Secret and when its certificate expires, once HAProxy shows it.
    """
    folder, listing = Path(sidecar.TLS_FOLDER), Path(sidecar.CERTIFICATE_LIST)
    certificates = [
        Certificate(
            name, Path(sidecar.SECRETS_FOLDER) / name, folder / f"{name}.pem", listing, on_certificate
        )
        for name in settings.tls_secrets
    ]
    authorities = [
        Authorities(name, Path(sidecar.CLIENT_CA_FOLDER), Path(sidecar.CLIENT_CA_FILE))
        for name in (settings.client_ca_secret,)
        if name
    ]
    tickets = TicketKeys(
        names.frontend_tickets(settings.frontend_service),  # the Service has the cluster's name
        Path(sidecar.TICKETS_FOLDER),
        Path(sidecar.TICKET_KEYS_FILE),
        authorities[0].file if authorities else None,
    )
    return Keeper(
        haproxy, certificates, [*authorities, tickets], listing, KeeperHooks(time.monotonic, on_secret)
    )
