"""The provider `local`: a real Kubernetes in namespaces of its own, without Docker.

The control plane lives in one set of namespaces, the *hub*, with the network's bridge. Each node lives in namespaces
inside of the hub's, with a root file system of its own. So the kernel itself ends everything when the hub's first
process ends, no name of ours is ever seen in the machine's own network, and two clusters can have equal addresses.
"""
