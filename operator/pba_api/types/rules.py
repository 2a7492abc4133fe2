"""Rules that several fields share, in CEL.

Every rule's cost is estimated by the API server from the bounds of what it runs over, so a rule over a map or a
list stands beside a bound on its length.
"""

from collections.abc import Iterable

from pba_api.markers import Rule

_DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"
QUALIFIED_PART = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
"""What stands behind the prefix of a label, an annotation or a resource."""
_QUALIFIED = f"({SUBDOMAIN}/)?{QUALIFIED_PART}"

NAME = f"^{SUBDOMAIN}$"
"""An object's name (a DNS-1123 subdomain)."""
NAME_OR_EMPTY = f"^({SUBDOMAIN})?$"
"""An object's name, or nothing."""
QUALIFIED_NAME_OR_EMPTY = f"^({_QUALIFIED})?$"
"""A name as labels and annotations have them, or nothing."""

_OF_CONTROLLERS = (
    "apps.kubernetes.io/",
    "controller-revision-hash",
    "deployment.kubernetes.io/",
    "pod-template-generation",
    "pod-template-hash",
    "statefulset.kubernetes.io/",
)
"""How the keys begin by which the controllers of workloads know their pods and revisions again."""

_LONGEST_QUALIFIED_NAME = 253 + 1 + 63


def cel_list(values: Iterable[str]) -> str:
    """Return the CEL list of string literals with `values`, none of which needs escaping."""
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


def cel_string(text: str) -> str:
    """Return `text`, a regular expression or the like, as a CEL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def qualified_names(what: str) -> Rule:
    """Return the rule that the keys of a map are names as labels and annotations have them."""
    return Rule(
        f"self.all(k, k.size() <= {_LONGEST_QUALIFIED_NAME} && k.matches({cel_string(f'^{_QUALIFIED}$')}))",
        f"a key of {what} must be a name, or PREFIX/NAME with a DNS name as its prefix; a name has at most 63 "
        "characters: letters, digits, '-', '_' and '.', the first and last a letter or digit",
    )


def no_reserved_prefix(what: str, prefixes: Iterable[str]) -> Rule:
    """Return the rule that no key of a map begins with one of `prefixes`."""
    listed = cel_list(prefixes)
    return Rule(
        f"!self.exists(k, {listed}.exists(p, k.startsWith(p)))",
        f"{what} must not use a reserved prefix ({', '.join(prefixes)}): choose a prefix of your own",
        message_expression=(
            f"'{what} must not set ' + self.filter(k, {listed}.exists(p, k.startsWith(p)))[0] + "
            "': the prefix is reserved; choose a prefix of your own'"
        ),
    )


def no_key_of_kubernetes(what: str) -> Rule:
    """Return the rule that no key of a map has a prefix that Kubernetes keeps for itself.

    On every kind of child they are orders to one controller or another: `deployment.kubernetes.io/revision` is set
    back by one that we then fight with, `service.kubernetes.io/service-proxy-name` takes a Service out of service.
    """
    of_kubernetes = cel_string("^([^/]*[.])?(kubernetes|k8s)[.]io/")
    return Rule(
        f"!self.exists(k, k.matches({of_kubernetes}))",
        f"{what} must not use a prefix of Kubernetes' own (kubernetes.io, k8s.io and what ends so): choose a prefix of "
        "your own, or set it under pod or service, where it acts",
    )


def no_key_of_controllers(what: str) -> Rule:
    """Return the rule that no key of a map is one that the controllers of workloads set themselves."""
    listed = cel_list(_OF_CONTROLLERS)
    return Rule(
        f"!self.exists(k, {listed}.exists(p, k.startsWith(p)))",
        f"{what} must not set what Kubernetes' controllers set themselves ({', '.join(_OF_CONTROLLERS)}): remove it",
        message_expression=(
            f"'{what} must not set ' + self.filter(k, {listed}.exists(p, k.startsWith(p)))[0] + "
            "': the controllers of Kubernetes set it themselves; remove it'"
        ),
    )
