"""kopf, and nothing else: it opens the watches and hands over what they say.

The decision: docs/adr/0001-kopf-as-a-shell.md.
"""
