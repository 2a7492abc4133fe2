"""A mutating admission webhook: another controller, which changes what is written before it is stored.

It is a real one: the API server calls it by TLS, at each creation and change of a Deployment in one namespace.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from pba_hack.apiserver import ApiServer
from pba_operator.domain.model import Generate, Generator
from pba_operator.mysql.material import Material

Object = dict[str, Any]
Patch = list[Object]
Mutate = Callable[[Object], Patch]
"""Returns the JSON patch for an object that is about to be stored."""
_PATH: Final = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
_HOST: Final = "localhost"


def _server(mutate: Mutate, folder: Path) -> tuple[http.server.ThreadingHTTPServer, str]:
    """Return a server that answers reviews by `mutate`, and the certificate (PEM) of its authority."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            patch = json.dumps(mutate(review["request"]["object"])).encode()
            response = {
                "uid": review["request"]["uid"],
                "allowed": True,
                "patchType": "JSONPatch",
                "patch": base64.b64encode(patch).decode(),
            }
            body = json.dumps({**review, "request": None, "response": response}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    made, named = Material(), {"metadata": {"name": "webhook"}}
    authority = made.make(Generate(named, Generator.CERTIFICATE_AUTHORITY), None)
    issuer = {
        **named,
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in authority.items()},
    }
    ours = made.make(Generate(named, Generator.SERVER_CERTIFICATE, subject=(_HOST,)), issuer)
    file = folder / "webhook.pem"
    file.touch(0o600)
    file.write_text(ours["tls.crt"] + ours["tls.key"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server, authority["ca.crt"]


@contextlib.contextmanager
def webhook(api: ApiServer, namespace: str, mutate: Mutate, folder: Path) -> Iterator[None]:
    """Have every Deployment of a namespace changed by `mutate` before it is stored, until the block ends."""
    server, authority = _server(mutate, folder)
    thread = threading.Thread(target=server.serve_forever, name="webhook", daemon=True)
    thread.start()
    hook = {
        "name": f"{namespace}.pba.dev",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "reinvocationPolicy": "IfNeeded",
        "clientConfig": {
            "url": f"https://{_HOST}:{server.server_port}/",
            "caBundle": base64.b64encode(authority.encode()).decode(),
        },
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [
            {
                "apiGroups": ["apps"],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["deployments"],
            }
        ],
    }
    try:
        answer = api.request("POST", _PATH, {"metadata": {"name": namespace}, "webhooks": [hook]})
        assert answer.ok, answer.data.decode()
        yield
    finally:
        api.request("DELETE", f"{_PATH}/{namespace}")
        server.shutdown()
        thread.join(10)
        server.server_close()
