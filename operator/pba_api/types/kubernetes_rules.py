"""Rules, in CEL, on what fields of Kubernetes' own types must keep together.

Kubernetes refuses the same, but only when it is given the workload, and in the words of a pod's fields; here it is
refused when the PBACluster is applied, in the words of its fields. What is too rare for a rule is left to
Kubernetes: its refusal ends in a condition.
"""

from __future__ import annotations

from pba_api.markers import Rule
from pba_api.types.rules import QUALIFIED_PART, SUBDOMAIN, cel_list, cel_string

_DOMAIN = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?([.][A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:[0-9]+)?"
_NAME = r"[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*([+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = f"^({_DOMAIN}/)?{_NAME}(/{_NAME})*(:{_TAG})?(@{_DIGEST})?$"
_OWN_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_RESOURCE = f"^(hugepages-[0-9A-Za-z]+|{SUBDOMAIN}/{QUALIFIED_PART})$"

IMAGE = Rule(
    f"self.matches({cel_string(_REFERENCE)})",
    "image must be a reference such as registry.example/team/shop:1.2 or shop@sha256:..., in lower case but for the "
    "tag, without empty parts",
)

RESOURCES = (
    Rule(
        f"[has(self.limits) ? self.limits : {{}}, has(self.requests) ? self.requests : {{}}].all(m, m.all(k, k in "
        f"{cel_list(_OWN_RESOURCES)} || k.matches({cel_string(_RESOURCE)})))",
        "a resource in limits or requests must be cpu, memory, ephemeral-storage, hugepages-SIZE or a name with a "
        "prefix, such as example.com/gpu",
    ),
    Rule(
        "!has(self.limits) || !has(self.requests) || self.requests.all(k, !(k in self.limits) || "
        "quantity(string(self.requests[k])).compareTo(quantity(string(self.limits[k]))) <= 0)",
        "resources.requests must not be more than resources.limits: lower the request, or raise the limit",
    ),
)

TOLERATIONS = (
    Rule(
        "self.all(t, (has(t.key) && t.key != '') || (has(t.operator) && t.operator == 'Exists'))",
        "a toleration without a key tolerates all taints, and must say so: set its operator to Exists, or name a key",
    ),
    Rule(
        "self.all(t, !has(t.value) || t.value == '' || !has(t.operator) || t.operator == 'Equal')",
        "a toleration with the operator Exists must not have a value: remove the value, or the operator",
    ),
    Rule(
        "self.all(t, !has(t.tolerationSeconds) || (has(t.effect) && t.effect == 'NoExecute'))",
        "tolerationSeconds acts only with the effect NoExecute: set the effect, or remove the field",
    ),
)

SPREAD = (
    Rule(
        "self.all(c, !has(c.matchLabelKeys) || size(c.matchLabelKeys) == 0 || has(c.labelSelector))",
        "matchLabelKeys acts only with a labelSelector: add one, or remove the field",
    ),
    Rule(
        "self.all(c, !has(c.minDomains) || c.whenUnsatisfiable == 'DoNotSchedule')",
        "minDomains acts only with whenUnsatisfiable DoNotSchedule: set that, or remove the field",
    ),
)

_IS_PEER = "(has(p.ipBlock) ? 1 : 0) + (has(p.podSelector) || has(p.namespaceSelector) ? 1 : 0) == 1"

POLICY_PEERS = (
    Rule(
        f"self.all(p, {_IS_PEER})",
        "a peer must have either an ipBlock or selectors: add the one, or remove the other",
    ),
)

EGRESS_RULES = (
    Rule(
        f"self.all(r, !has(r.to) || r.to.all(p, {_IS_PEER}))",
        "a peer must have either an ipBlock or selectors: add the one, or remove the other",
    ),
    Rule(
        "self.all(r, !has(r.ports) || r.ports.all(p, !has(p.endPort) || "
        "(has(p.port) && type(p.port) == int && p.endPort >= p.port)))",
        "endPort must go with a port that is a number, and not be less than that",
    ),
)


def localhost_profile(field: str) -> tuple[Rule, ...]:
    """Return the rules that a security context's profile of the machine is named if it is asked for, and only then.

    Args:
        field: the security context's name in `application`.
    """
    return tuple(
        Rule(
            f"!has(self.{profile}) || (self.{profile}.type == 'Localhost') == has(self.{profile}.localhostProfile)",
            f"{field}.{profile}.localhostProfile goes with type Localhost: add it or remove it, or change the type",
            field_path=f".{profile}",
        )
        for profile in ("appArmorProfile", "seccompProfile")
    )
