"""HAProxy as the sidecar knows it: its socket, its commands, what its answers say. Nothing is decided here."""
