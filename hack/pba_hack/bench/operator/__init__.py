"""The cases of `hack/bench operator`: what the operator promises of its own, beside real API servers."""
