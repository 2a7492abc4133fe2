"""`hack/demo`: from nothing to a PBACluster that serves real requests while it is scaled."""
