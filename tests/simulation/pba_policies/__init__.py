"""NetworkPolicies by truth tables: cases that say who reaches whom, for a model of nftables and for the kernel."""
