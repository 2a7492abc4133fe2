"""Enforces NetworkPolicies on the nodes of a local cluster: what a CNI plugin such as Calico does elsewhere.

`world` holds what is known, `selectors` and `meaning` say what the policies allow, `ruleset` writes it for nftables:
all of that is pure. `attachments` and `processes` look, `kernel` and `engine` act, `enforcement` tells
others how it stands.
"""
