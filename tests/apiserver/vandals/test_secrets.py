"""The content of generated Secrets, changed by somebody else: never overwritten.

What cannot be made anew without a loss is told and left for its user to restore; the server's certificate, which can,
is made anew; a password of the application's is taken up (docs/reference/conditions.md, docs/explanation/data.md).
"""

from __future__ import annotations

from typing import Any

import pytest
from pba_vandals.edits import Edit, edits
from pba_vandals.fields import fields
from pba_vandals.secrets import generated, is_content
from pba_vandals.sweep import is_stalled_by
from pba_vandals.victim import CLUSTER, Victim

from pba_api.identity import FIELD_MANAGER
from pba_operator.domain.model import ChildId

Object = dict[str, Any]
EDITED, REMOVED = "another value", "removed"
TOLD, LEFT, ANEW = "told and left alone", "left alone", "made anew"
REFUSED = "left alone, and told what MySQL says of it"
PROMISES = {
    "shop-mysql-admin": {"password": (TOLD, TOLD), "init.sql": (TOLD, TOLD), "username": (REFUSED, TOLD)},
    "shop-mysql-app": {"password": (LEFT, TOLD), "username": (LEFT, LEFT)},
    "shop-mysql-ca": {"tls.crt": (TOLD, TOLD), "tls.key": (TOLD, TOLD), "ca.crt": (TOLD, TOLD)},
    "shop-frontend-tickets": {"seed": (LEFT, ANEW)},
    "shop-mysql-tls": {"tls.crt": (ANEW, ANEW), "tls.key": (ANEW, ANEW), "ca.crt": (ANEW, ANEW)},
}
"""What becomes of each key that is edited, and that is removed. Another password of the application's is taken up."""
WHATS = (EDITED, REMOVED)


@pytest.fixture(autouse=True)
def all_are_tireless(tireless: None) -> None:
    """Some are made anew more often than anybody does by hand."""


@pytest.fixture(scope="module")
def untouched(victim: Victim) -> dict[str, Object]:
    """The generated Secrets before anybody has set a field of theirs, by their names."""
    return {live["metadata"]["name"]: live for live in victim.children() if generated(live)}


def _edits(live: Object) -> list[Edit]:
    found = [edit for field in fields(live, FIELD_MANAGER) for edit in edits(live, field)]
    return [edit for edit in found if is_content(live, edit.place) and edit.place[0] == "data"]


def test_every_key_has_a_promise(untouched: dict[str, Object]) -> None:
    assert {name: set(live["data"]) for name, live in untouched.items()} == {
        name: set(promises) for name, promises in PROMISES.items()
    }
    for live in untouched.values():
        assert {(edit.place[-1], edit.what) for edit in _edits(live)} == {
            (key, what) for key in live["data"] for what in WHATS
        }


@pytest.mark.parametrize("name", PROMISES)
def test_its_type_cannot_be_changed(victim: Victim, name: str) -> None:
    answer = victim.vandal.patch(
        ChildId("Secret", name), [{"op": "replace", "path": "/type", "value": "example.org/other"}]
    )
    assert answer.status == 422


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize(("name", "key"), [(name, key) for name, keys in PROMISES.items() for key in keys])
def test_what_becomes_of_it(
    victim: Victim, untouched: dict[str, Object], name: str, key: str, what: str
) -> None:
    child = ChildId("Secret", name)
    (edit,) = [edit for edit in _edits(untouched[name]) if (edit.place[-1], edit.what) == (key, what)]
    before = victim.live(child)
    answer = victim.vandal.attempt(before, edit)
    if not answer.ok:
        assert what == REMOVED
        assert "Required value" in answer.body["message"], "Kubernetes knows what a Secret of this type holds"
        return
    promise = PROMISES[name][key][WHATS.index(what)]
    if promise is ANEW:
        victim.until(lambda: _is_anew(victim, before), "it is made anew")
        victim.settle()
        return
    if promise in {TOLD, REFUSED}:
        victim.until(lambda: is_stalled_by(child, victim.live(CLUSTER)), "it is told")
        reasons = {TOLD: ("SecretInvalid", "SecretKeyMissing"), REFUSED: ("AccountsFailed",)}
        assert victim.stalled()[0] in reasons[promise]
    else:
        victim.settle()
    assert victim.live(child)["data"] == answer.body["data"], "overwritten"
    victim.vandal.put_back(before)
    victim.settle("all is well again once it is restored")


def _is_anew(victim: Victim, before: Object) -> bool:
    live = victim.place.get("Secret", before["metadata"]["name"])
    return live is not None and live["metadata"]["uid"] != before["metadata"]["uid"]
