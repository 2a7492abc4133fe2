"""The demo application without any cluster: the real mysqld and real nodes on loopback, and browsers."""
