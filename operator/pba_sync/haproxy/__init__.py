"""HAProxy as the sidecar knows it: its socket, its commands, what its answers say.

Nothing is decided here but what those are written with: weights, and who is asked where too few pass (`floor`).
"""
