"""The operator's way to the Kubernetes API: a thin client, the cache of what was seen, and the Lease.

Nothing here decides: what is sent and what follows from an answer is the engine's business.
"""
