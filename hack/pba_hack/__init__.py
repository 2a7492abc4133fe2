"""What a developer's machine and CI run around the operator: cluster, images, demo, tests.

Standard library only, so that `./hack/...` works from a fresh checkout with the system's Python, before any
virtual environment exists.
"""
