"""The application's face: pages for people, a JSON API for programs, probes for whoever watches the node."""
