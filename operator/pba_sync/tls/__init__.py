"""TLS: what the user's Secrets hold, brought to HAProxy as often as it changes."""
