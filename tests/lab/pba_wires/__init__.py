"""The local cluster's network without a cluster: hub, nodes and pods as plain network namespaces, and real packets."""
