"""The sync sidecar beside HAProxy: keeps the balancer in step with the nodes."""
