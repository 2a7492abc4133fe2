"""The provider `kind`: a cluster in containers, where a Docker engine answers."""
