"""The operator: watches PBAClusters and keeps their children as the spec says.

Layers, from the top: `shell` (kopf), `engine` (queue, workers), `kube` and `mysql` (adapters), `domain` (pure).
Data flows one way: watch -> queue -> observe -> plan -> act -> status.
"""
