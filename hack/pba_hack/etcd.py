"""What the etcd of our API servers is told, wherever it runs."""

from __future__ import annotations

from typing import Final

PROGRESS: Final = "--watch-progress-notify-interval=5s"
"""As kubeadm has it (etcd's own default is 10 minutes). By these notes the API server knows that a quiet kind is up to
date: without them its bookmarks stay out for minutes, and whoever waits for one takes a sound watch for dead."""
