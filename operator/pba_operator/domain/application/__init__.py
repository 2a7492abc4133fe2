"""The application's pods: the management node and the backend nodes, which are clones of it."""

from pba_operator.domain.application.config_files import config_problems, config_secret, template_references
from pba_operator.domain.application.nodes import backend, management
from pba_operator.domain.application.volume_sources import volume_problems, volume_references

__all__ = [
    "backend",
    "config_problems",
    "config_secret",
    "management",
    "template_references",
    "volume_problems",
    "volume_references",
]
