"""Rules that several fields share, in CEL.

Every rule's cost is estimated by the API server from the bounds of what it runs over, so a rule over a map or a
list stands beside a bound on its length.
"""

from collections.abc import Iterable

from pba_api.markers import Rule

NAME_OR_EMPTY = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$"
"""An object's name (a DNS-1123 subdomain), or nothing."""

_QUALIFIED_NAME = r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"


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
        f"self.all(k, k.matches({cel_string(_QUALIFIED_NAME)}))",
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
