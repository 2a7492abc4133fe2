"""The cases of `hack/bench operator`: what the operator promises of its own, beside real API servers.

They import the operator and `tests/simulation`, unlike the rest of `hack`: `launch.py` runs them where both are.
"""
