"""Kubernetes with real controllers and simulated nodes (KWOK): room for thousands of pods that run nothing."""
