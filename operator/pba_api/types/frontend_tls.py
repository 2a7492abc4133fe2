"""TLS at the frontend: the certificates that it shows, and what it asks of clients."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pba_api.markers import Default, Doc, Items, Number, Required, Rule
from pba_api.types.common import LocalReference


@dataclass(frozen=True)
class FrontendTLS:
    """TLS for clients; its presence switches it on."""

    RULES: ClassVar = (
        Rule(
            "!has(self.clientCASecretRef) || (has(self.redirect) && self.redirect)",
            "frontend.tls.clientCASecretRef needs redirect: true, or clients without a certificate are served at port "
            "80: set redirect, or remove clientCASecretRef",
            field_path=".redirect",
        ),
    )

    secret_refs: Annotated[
        tuple[LocalReference, ...],
        Doc(
            "Secrets with a certificate each, of the type kubernetes.io/tls, as cert-manager writes them. The client "
            "names a host (SNI) and is shown the certificate for it; if there is none, or it names no host, the first."
        ),
        Required(),
        Items(20, keys=("name",)),
        Rule("size(self) > 0", "frontend.tls.secretRefs must name a Secret at least: add one, or remove tls"),
    ]
    redirect: Annotated[
        bool,
        Doc(
            "True: port 80 answers with a redirect to https, but for the path /.well-known/acme-challenge/TOKEN, by "
            "which certificates are asked for."
        ),
        Default(value=False),
    ]
    hsts_seconds: Annotated[
        int,
        Doc(
            "For how long browsers shall come by https only (HSTS), told with each response over TLS; 0: it is not "
            "told. It cannot be taken back before: begin with a short time."
        ),
        Default(0),
        Number(0, 63_072_000),
    ]
    client_ca_secret_ref: Annotated[
        LocalReference | None,
        Doc(
            "The Secret whose ca.crt vouches for clients: each must show a certificate of it. The application learns "
            "its subject from the header X-SSL-Client-Subject. Needs redirect: true."
        ),
    ]
