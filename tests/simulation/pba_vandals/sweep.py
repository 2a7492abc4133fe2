"""Edits of one object, one after another: what became of each, and everything as it was before the next."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from pba_faults.picture import differences
from pba_simulation.real import PATIENCE, Namespace

from pba_hack.apiserver import Answer
from pba_hack.waiting import wait_for
from pba_operator.domain.model import ChildId
from pba_operator.kube import kinds
from pba_vandals.edits import Edit, supported
from pba_vandals.eyes import Eyes, Look
from pba_vandals.fields import Field, locate

Object = dict[str, Any]
CLUSTER: Final = ChildId("PBACluster", "shop")
_VOLATILE: Final = ("resourceVersion", "generation", "managedFields")
_ALLOCATED: Final = ("clusterIP", "clusterIPs", "healthCheckNodePort")
"""Of a Service: what the API server chooses anew when it had to give it back."""


class End(Enum):
    """What has become of an edit."""

    REPAIRED = "repaired"
    BESIDE = "what we set is repaired, what somebody else added stands beside it"
    TOLD = "told to the user and left alone"
    REFUSED = "refused by the API server"
    NOTHING = "the API server keeps the same"
    LEFT = "neither repaired nor told"


@dataclass(frozen=True)
class Outcome:
    """What has become of an edit of an object; `detail`: the refusal's words, or what is left."""

    child: ChildId
    edit: Edit
    end: End
    detail: str = ""

    def __str__(self) -> str:
        return f"{'/'.join(self.child)} {self.edit}: {self.end.value}. {self.detail}".strip()


def plain(live: Object) -> Object:
    """Return an object without its status and what tells one write, or one reading, from another; its UID stays."""
    if not live:
        return {}
    metadata = {key: value for key, value in live["metadata"].items() if key not in _VOLATILE}
    rest = {key: value for key, value in live.items() if key not in ("apiVersion", "status")}
    if live["kind"] == "Service":
        rest["spec"] = {key: value for key, value in live["spec"].items() if key not in _ALLOCATED}
        ports = live["spec"].get("ports", ())
        rest["spec"]["ports"] = [{key: port[key] for key in port if key != "nodePort"} for port in ports]
    return {**rest, "metadata": metadata}


def holds(live: Object, before: Object, fields: Iterable[Field]) -> bool:
    """Tell whether some fields are in an object what they were before, whatever stands beside them."""
    return bool(live) and all(_value(live, field) == _value(before, field) for field in fields)


def _value(live: Object, field: Field) -> Any:
    place = locate(live, field)
    if place is None or field.is_item:
        return place is not None
    value: Any = live
    for step in place:
        value = value[step]
    return value


def is_stalled_by(child: ChildId, cluster: Object) -> bool:
    """Tell whether a PBACluster says that it is stalled, and names an object."""
    conditions = {found["type"]: found for found in cluster["status"]["conditions"]}
    return "Stalled" in conditions and f'{child.kind} "{child.name}"' in conditions["Stalled"]["message"]


class Vandal:
    """Somebody who edits objects of a namespace under a name of his own."""

    def __init__(self, place: Namespace, eyes: Eyes, name: str = "vandal") -> None:
        self._place = place
        self._eyes = eyes
        self._name = name

    def attempt(self, before: Object, edit: Edit) -> Answer:
        """Carry an edit out with the first value that the API server takes; return its last answer."""
        values = list(edit.values) or [None]
        answer = None
        for value in values:
            answer = self.patch(ChildId.of(before), edit.patch(value))
            if answer.ok:
                return answer
            values += [other for other in supported(_words(answer), value) if other not in values]
        assert answer is not None
        return answer

    def patch(self, child: ChildId, patch: list[Object]) -> Answer:
        """Send a JSON patch."""
        path = kinds.BY_NAME[child.kind].path(self._place.name, child.name)
        return self._place.server.request(
            "PATCH", path, patch, "application/json-patch+json", fieldManager=self._name
        )

    def sweep(
        self, before: Object, edits: Iterable[Edit], fields: Iterable[Field], seconds: float
    ) -> list[Outcome]:
        """Carry edits out one by one, each on the object as it was before.

        Args:
            before: an object that is as it should be.
            edits: of it.
            fields: what the operator has set in it.
            seconds: until an edit counts as neither repaired nor told.
        """
        return [self._end_of(before, edit, fields, seconds) for edit in edits]

    def _end_of(self, before: Object, edit: Edit, fields: Iterable[Field], seconds: float) -> Outcome:
        """Carry out one edit; put the object back if nobody else does."""
        child, wanted = ChildId.of(before), plain(before)
        answer = self.attempt(before, edit)
        if not answer.ok:
            return Outcome(child, edit, End.REFUSED, _words(answer))
        if plain(answer.body) == wanted:
            return Outcome(child, edit, End.NOTHING)
        version, edited = _version(answer.body), plain(answer.body)

        def end(look: Look) -> End:
            live = look(child)
            if live and _version(live) > version and holds(live, before, fields):
                return End.REPAIRED if plain(live) == wanted else End.BESIDE
            return End.TOLD if plain(live) == edited and is_stalled_by(child, look(CLUSTER)) else End.LEFT

        judged: tuple[str, str] = ("", "")

        def is_over(look: Look) -> bool:
            """Judge each state once: every event in the namespace asks."""
            nonlocal judged
            states = [look(one).get("metadata", {}).get("resourceVersion", "") for one in (child, CLUSTER)]
            known, judged = judged, (states[0], states[1])
            return judged != known and end(look) is not End.LEFT

        self._eyes.wait(is_over, seconds)
        found, left = end(self._eyes.look), plain(self._eyes.look(child))
        if found is not End.REPAIRED:
            self.put_back(before)
        return Outcome(child, edit, found, "; ".join(differences(wanted, left)))

    def put_back(self, before: Object) -> None:
        """Make an object what it was, as far as its owner has not; wait until that is seen."""
        child, wanted = ChildId.of(before), plain(before)
        answer = wait_for("nobody to write in between", lambda: self._replaced(before), PATIENCE)
        assert answer.ok, answer.data.decode()
        assert self._eyes.wait(
            lambda look: plain(look(child)) == wanted and not is_stalled_by(child, look(CLUSTER)), PATIENCE
        ), f"{'/'.join(child)} was put back, and the PBACluster still stalls"

    def _replaced(self, before: Object) -> Answer | None:
        """Send the object as it was; None if Kubernetes' controllers or the operator have written since we looked."""
        path = kinds.of(before).path(self._place.name, before["metadata"]["name"])
        live = self._place.server.request("GET", path).body
        whole = copy.deepcopy({**before, "status": live.get("status", {})})
        whole["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
        for name in _ALLOCATED if before["kind"] == "Service" else ():
            if name in live["spec"]:
                whole["spec"][name] = live["spec"][name]
        answer = self._place.server.request("PUT", path, whole, fieldManager=self._name)
        return None if answer.body.get("reason") == "Conflict" else answer


def _version(live: Object) -> int:
    return int(live["metadata"]["resourceVersion"])


def _words(answer: Answer) -> str:
    return str(answer.body.get("message", ""))
