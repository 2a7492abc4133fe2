"""The PBACluster resource: its types, names, labels and ports.

Everything that more than one program must agree on is written here once. Standard library only:
the operator, the sidecar and the tools all import it, and none of them may pull the others' dependencies in.
"""
