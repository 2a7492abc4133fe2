"""Who may reach whom: the NetworkPolicies, and when the way of the clients may change under them."""
