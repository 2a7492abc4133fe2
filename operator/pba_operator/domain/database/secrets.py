"""The database's Secrets: the operator's account, the application's password, the authority, the certificate.

What must stay true: the content of a generated Secret is made once and never overwritten. One that is deleted
is made anew and takes effect: the operator's account and the certificate at mysqld's next start (which the pod
template's hash brings about), the application's password by SQL. Its marks are kept as the spec says, by an
apply that names no content.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Container

from pba_api import names
from pba_api.identity import ANNOTATION_HASH, COMPONENT_DATABASE, LABEL_DATABASE_ID
from pba_operator.domain import certificates, drift, ownership, secret_keys
from pba_operator.domain.database import claims, members, secret_ids
from pba_operator.domain.database.retained import Standing, standing
from pba_operator.domain.model import (
    Apply,
    ChildId,
    Cluster,
    Delete,
    Generate,
    Generator,
    Manifest,
    Observed,
)
from pba_operator.domain.ownership import kept_marks, metadata, owner_reference


def password_ref(cluster: Cluster) -> tuple[ChildId, str]:
    """Return the Secret and the key that hold the application's password."""
    given = cluster.spec.database.user.password_secret_ref
    if given is None:
        return secret_ids.application(cluster), secret_keys.PASSWORD
    return ChildId("Secret", given.name), given.key


def password_secret(cluster: Cluster, observed: Observed) -> Manifest | None:
    """Return the live Secret that holds the application's password, if it may be used."""
    child, _key = password_ref(cluster)
    if cluster.spec.database.user.password_secret_ref is None:
        return ours(cluster, observed, child)
    return observed.references.get(child)


def ours(cluster: Cluster, observed: Observed, child: ChildId) -> Manifest | None:
    """Return a live Secret if it is this PBACluster's."""
    live = observed.children.get(child)
    return live if standing(cluster, live) is Standing.OURS else None


def value(secret: Manifest | None, key: str) -> str | None:
    """Return the text under a key of a Secret; None if there is none, or if it is no text."""
    encoded = ((secret or {}).get("data") or {}).get(key)
    if not encoded:
        return None
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def lacking(cluster: Cluster, observed: Observed) -> dict[ChildId, list[str]]:
    """Return, for our Secrets that cannot be made anew without a loss, the keys that somebody has removed."""
    needed: dict[ChildId, tuple[str, ...]] = {
        secret_ids.authority(cluster): secret_keys.OF_CERTIFICATE,
        secret_ids.admin(cluster): secret_keys.OF_ADMIN,
    }
    if cluster.spec.database.user.password_secret_ref is None:
        needed[password_ref(cluster)[0]] = (secret_keys.PASSWORD,)
    found = {child: ours(cluster, observed, child) for child in needed}
    gaps = {
        child: [key for key in needed[child] if value(live, key) is None]
        for child, live in found.items()
        if live is not None
    }
    return {child: keys for child, keys in gaps.items() if keys}


def unusable(cluster: Cluster, observed: Observed, missing: Container[ChildId]) -> dict[ChildId, str]:
    """Return, for our Secrets that have all their keys and cannot be made anew without a loss, what is wrong.

    Args:
        cluster: the PBACluster.
        observed: the live state.
        missing: the Secrets that lack keys (`lacking`).
    """
    authority, admin = secret_ids.authority(cluster), secret_ids.admin(cluster)
    found = {authority: _flaw_of_authority, admin: _flaw_of_admin}
    flaws = {
        child: flaw(live)
        for child, flaw in found.items()
        if child not in missing and (live := ours(cluster, observed, child)) is not None
    }
    return {child: words for child, words in flaws.items() if words}


def _flaw_of_authority(live: Manifest) -> str:
    certificate, key, copy = (value(live, name) or "" for name in secret_keys.OF_CERTIFICATE)
    if certificate != copy:
        return f"holds two different certificates, {secret_keys.TLS_CERTIFICATE} and {secret_keys.CA_CERTIFICATE}"
    flaw = certificates.flaw_of_authority(certificate, key)
    return f"holds a certificate authority that {flaw}" if flaw else ""


def _flaw_of_admin(live: Manifest) -> str:
    password, statements = value(live, secret_keys.PASSWORD), value(live, secret_keys.ADMIN_SQL)
    if f"BY '{password}'" in (statements or ""):
        return ""
    return f"holds a {secret_keys.PASSWORD} that is not in its {secret_keys.ADMIN_SQL}, from which MySQL learns it"


def are_complete(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether all Secrets that a member needs are there, whole, and fit together."""
    wanted = (*secret_ids.kept(cluster), secret_ids.certificate(cluster))
    all_there = all(ours(cluster, observed, child) is not None for child in wanted)
    return all_there and not lacking(cluster, observed) and not stale_certificate(cluster, observed)


def fingerprint(cluster: Cluster, observed: Observed) -> str:
    """Return a hash of what mysqld reads of the Secrets at its start."""
    admin, certificate = (
        observed.children[secret_ids.admin(cluster)],
        observed.children[secret_ids.certificate(cluster)],
    )
    read = (
        admin["data"][secret_keys.ADMIN_SQL],
        *(certificate["data"][key] for key in secret_keys.OF_CERTIFICATE),
    )
    return hashlib.sha256("\n".join(read).encode()).hexdigest()


def generations(cluster: Cluster, observed: Observed) -> list[Generate]:
    """Return the Secrets that are to be made now; a certificate once the authority that signs it is seen."""
    kinds = {
        secret_ids.authority(cluster): Generator.CERTIFICATE_AUTHORITY,
        secret_ids.admin(cluster): Generator.DATABASE_ADMIN,
        password_ref(cluster)[0]: Generator.PASSWORD,
    }
    wanted = [
        Generate(_kept(cluster, child, kinds[child]), kinds[child])
        for child in secret_ids.kept(cluster)
        if child not in observed.children
    ]
    if (
        secret_ids.authority(cluster) in observed.children
        and secret_ids.certificate(cluster) not in observed.children
    ):
        wanted.append(
            Generate(
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": _marks_only(cluster, secret_ids.certificate(cluster)),
                    "type": "kubernetes.io/tls",
                },
                Generator.SERVER_CERTIFICATE,
                subject=host_names(cluster),
                issuer=secret_ids.authority(cluster),
            )
        )
    return wanted


def _kept(cluster: Cluster, child: ChildId, generator: Generator) -> Manifest:
    """Return a Secret to be made."""
    is_certificate = generator is Generator.CERTIFICATE_AUTHORITY
    secret: Manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _marks_only(cluster, child),
        "type": "kubernetes.io/tls" if is_certificate else "Opaque",
    }
    if generator is Generator.PASSWORD:
        secret["stringData"] = {secret_keys.USERNAME: cluster.spec.database.user.name}
    return secret


def _marks_only(cluster: Cluster, child: ChildId) -> Manifest:
    """Return the metadata with which a Secret is made: our marks. The rest follows by `marks`.

    What a creation sets, no later apply can remove again: it is another kind of ownership of the field.
    """
    made = {"name": child.name, "namespace": cluster.namespace}
    if child != secret_ids.certificate(cluster):
        return {**made, "labels": kept_marks(cluster, COMPONENT_DATABASE)}
    return {
        **made,
        "labels": ownership.marks(cluster, COMPONENT_DATABASE),
        "ownerReferences": [owner_reference(cluster)],
    }


def host_names(cluster: Cluster) -> tuple[str, ...]:
    """Return the DNS names in the members' certificate: of the Services, short and long, and of all members."""
    services = (
        names.database(cluster.name),
        names.database_primary(cluster.name),
        names.database_secondaries(cluster.name),
        f"*.{names.database(cluster.name)}",
    )
    short = [name for name in services if not name.startswith("*")]
    qualified = [f"{name}.{cluster.namespace}" for name in services]
    hosts = [names.service_host(name, cluster.namespace) for name in services]
    return (*short, *qualified, *hosts, *(f"{host}.cluster.local" for host in hosts), "localhost")


def stale_certificate(cluster: Cluster, observed: Observed) -> Delete | None:
    """Return the deletion of a server certificate that lacks a key, cannot be read or is not our authority's."""
    live = ours(cluster, observed, secret_ids.certificate(cluster))
    authority = ours(cluster, observed, secret_ids.authority(cluster))
    if live is None or authority is None:
        return None
    signer = value(authority, secret_keys.CA_CERTIFICATE)
    if signer is None or _is_vouched_for(live, signer):
        return None
    return Delete(secret_ids.certificate(cluster), live["metadata"]["uid"])


def _is_vouched_for(live: Manifest, signer: str) -> bool:
    certificate, key, issuer = (value(live, name) for name in secret_keys.OF_CERTIFICATE)
    if certificate is None or key is None or issuer != signer:
        return False
    return certificates.is_vouched_for(certificate, key, signer)


def marks(cluster: Cluster, observed: Observed) -> list[Apply]:
    """Return the changes of our Secrets' metadata that are due: taken back, `childMetadata`, the database's id."""
    candidates = {
        *secret_ids.kept(cluster),
        secret_ids.application(cluster),
        secret_ids.certificate(cluster),
    }
    due = []
    for child in sorted(candidates):
        live = observed.children.get(child)
        what = standing(cluster, live)
        if live is None or what not in (Standing.OURS, Standing.KEPT):
            continue
        wanted = _marked(cluster, observed, live)
        stamped = drift.stamp(wanted)
        if drift.differs(live, stamped if _needs_apply(cluster, live, wanted) else wanted):
            due.append(Apply(stamped))
    return due


def _needs_apply(cluster: Cluster, live: Manifest, wanted: Manifest) -> bool:
    """Tell whether more is wanted of a Secret than it was made with, or was once; the hash tells of it then."""
    was_applied = ANNOTATION_HASH in (live["metadata"].get("annotations") or {})
    return was_applied or drift.differs(
        {"metadata": _marks_only(cluster, ChildId.of(live))}, _unaddressed(wanted)
    )


def _unaddressed(manifest: Manifest) -> Manifest:
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "uid"}
    return {"metadata": metadata}


def _marked(cluster: Cluster, observed: Observed, live: Manifest) -> Manifest:
    name = live["metadata"]["name"]
    is_kept = name != secret_ids.certificate(cluster).name
    meta = metadata(cluster, name, COMPONENT_DATABASE, kept=is_kept)
    meta["uid"] = live["metadata"]["uid"]
    if is_kept and members.claim(cluster, observed) is not None:
        meta["labels"][LABEL_DATABASE_ID] = claims.database_id(cluster, observed)
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta}
