"""A hosting store with MySQL behind it: the application that the demo and the end-to-end tests run in a PBACluster.

It stands in for PBA-S and knows nothing of Kubernetes. What must stay true: any node serves any client (all state
is in MySQL), every order writes its invoice and its ledger in one transaction, and nothing is ever sent to the
database twice unless the first time provably left nothing behind.
"""
