"""What goes wrong with a cluster, in words for the person who runs the command.

ClusterError            something about the cluster; the message says what and how to go on
  MissingError          the machine lacks something; the message says how to get it
"""

__all__ = ["ClusterError", "MissingError"]


class ClusterError(RuntimeError):
    """A command on the cluster cannot be carried out; the message says why and what to do."""


class MissingError(ClusterError):
    """The machine lacks something that the cluster needs."""
