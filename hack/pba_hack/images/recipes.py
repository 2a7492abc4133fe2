"""What is in each image; the Dockerfiles in `docker/` say the same for users with Docker (a test compares)."""

from __future__ import annotations

from dataclasses import dataclass

from pba_hack.images.debian import DebianRoot

_UNREAD = (
    "/usr/share/doc/*",
    "/usr/share/info",
    "/usr/share/locale/*",
    "/usr/share/man/*",
    "/usr/share/perl*",
    "/usr/lib/*-linux-gnu/perl",
    "/usr/lib/*-linux-gnu/libperl.so*",
    "/var/cache/*",
    "/var/lib/apt",
    "/var/lib/dpkg/*-old",
    "/var/log/*",
)
"""Of every image: manuals, translations, caches, and the larger half of Perl (which no server uses)."""


@dataclass(frozen=True)
class ServerImage:
    """A server of Debian's, for any user of the pod's choice; the version of `package` is the image's tag."""

    name: str
    root: DebianRoot
    package: str
    command: tuple[str, ...]


MYSQL = ServerImage(
    name="mysql",
    root=DebianRoot(
        suite="sid",
        packages=("mysql-server-core", "mysql-client-core"),
        folders=(("/var/lib/mysql", 0o1777), ("/var/lib/mysql-files", 0o1777), ("/run/mysqld", 0o1777)),
        drop=(
            *_UNREAD,
            "/usr/bin/ibd2sdi",
            "/usr/bin/innochecksum",
            "/usr/bin/my_print_defaults",
            "/usr/bin/myisam*",
            "/usr/bin/mysql_config_editor",
            "/usr/bin/mysql_migrate_keyring",
            "/usr/bin/mysql_secure_installation",
            "/usr/bin/mysql_tzinfo_to_sql",
            "/usr/bin/mysqlcheck",
            "/usr/bin/mysqld_multi",
            "/usr/bin/mysqld_safe",
            "/usr/bin/mysqldumpslow",
            "/usr/bin/mysqlimport",
            "/usr/bin/mysqlshow",
            "/usr/bin/mysqlslap",
            "/usr/bin/perror",
            "/usr/lib/mysql/plugin/authentication_*_client.so",
            "/usr/lib/mysql/plugin/component_telemetry.so",
            "/usr/lib/mysql/plugin/telemetry_client.so",
        ),
    ),
    package="mysql-server-core",
    command=("mysqld",),
)

HAPROXY = ServerImage(
    name="haproxy",
    root=DebianRoot(
        suite="trixie",
        packages=("haproxy",),
        folders=(),
        # The changelog stays: a test reads in it that the fixes for dynamic servers are there.
        drop=(
            *(p for p in _UNREAD if p != "/usr/share/doc/*"),
            "/usr/share/doc/[!h]*",
            "/usr/share/doc/haproxy/[!c]*",
        ),
    ),
    package="haproxy",
    command=("haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"),
)

SERVERS = {image.name: image for image in (MYSQL, HAPROXY)}
