"""`hack/bench balancer`: what the frontend promises, beside the same HAProxy with a static file, and beside others."""
