"""A stand-in for MySQL, where PBAClusters have no real members: with a real API server, and on simulated nodes.

It speaks MySQL's protocol on loopback: with TLS (the certificate of the member's live Secret), `caching_sha2_password`,
MySQL's errors, accounts that the live init SQL has made. The operator's own code talks to it; only its connector is
another one. What it does not know it refuses with the error 32000, and keeps it in `unknown`.

The same tests ask it and a real mysqld (`contract`). Where a real mysqld can be had, nobody uses this.

    with StandIn(LivePods(through(api_server))) as mysql:
        accounts = MySQLAccounts(connect=mysql.connect)      # for Engine(accounts=...)
        ...
        assert mysql.unknown == []

A member's mysqld starts when somebody first connects to `shop-mysql-0.shop-mysql.NAMESPACE.svc` while its pod is
`Running`, with the ConfigMap and the Secrets that the pod mounts at that moment. It is started anew when the pod has
another UID or restart count; schemas and accounts stay as long as the PersistentVolumeClaim has the same UID. Each
connection costs one GET of the pod (give `LivePods` a `get` that remembers, where that is too much), each start four
more. One process serves thousands: an idle member is a bound port and some dictionaries.

An operator in a process of its own asks for its members' ports over loopback:

    MySQLAccounts(connect=connector(asking(names)))          # `names` is `mysql.names`, of the other process

Failures, of one member (`mysql.server(host)`): `freeze` and `thaw`, `interruptions` (an error or a lost connection in
the midst of a statement); `SET GLOBAL super_read_only`, `max_connections`. A pod that does not run refuses connections.
"""
