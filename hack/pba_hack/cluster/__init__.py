"""A Kubernetes cluster for work and tests: kind where Docker answers, otherwise one built from source."""
