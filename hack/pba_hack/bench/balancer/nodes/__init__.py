"""Cases on real nodes: a PBACluster on a local cluster of the bench's own, and a peer before the very same pods.

The peer is a plain Service; where the frontends are replaced, it is an HAProxy in a Deployment, with pods of its own.
Both are asked at the same time, so whatever happens to the nodes happens to both. Clients are programs outside of pods
that never send a request again. What nodes execute they tell a tally that is no part of the cluster, so that it is
known of pods that are gone and of machines that have crashed, too.
"""
