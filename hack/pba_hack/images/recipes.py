"""What is in each image. The Dockerfiles in `docker/` say the same for users with Docker."""

from __future__ import annotations

from dataclasses import dataclass

from pba_hack.images.debian import DebianRoot

COMPILERS = frozenset(
    {"gcc", "cc", "g++", "c++", "ld", "as", "make", "go", "rustc", "tcc", "clang", "x86_64-linux-gnu-gcc"}
)
"""Programs that no image has."""

UNREAD = (
    "/usr/bin/perl*",
    "/usr/lib/*-linux-gnu/gconv",
    "/usr/lib/*-linux-gnu/libperl.so*",
    "/usr/lib/*-linux-gnu/perl*",
    "/usr/share/doc/*",
    "/usr/share/info",
    "/usr/share/locale/*",
    "/usr/share/man/*",
    "/usr/share/perl*",
    "/var/cache/*",
    "/var/lib/apt",
    "/var/lib/dpkg/*-old",
    "/var/log/*",
)
"""Of every image: manuals, translations, caches, and Perl, which only the package tools use."""


@dataclass(frozen=True)
class ServerImage:
    """A server, for any user of the pod's choice.

    Attributes:
        name: the image's name.
        root: what it is made of without Docker.
        package: the package whose version is the image's tag.
        command: what a container runs, unless its pod says otherwise.
        official: the image to take where a Docker engine answers.
    """

    name: str
    root: DebianRoot
    package: str
    command: tuple[str, ...]
    official: str


MYSQL = ServerImage(
    name="mysql",
    root=DebianRoot(
        suite="sid",
        packages=("mysql-server-core", "mysql-client-core"),
        commands=("install -d -m 1777 /var/lib/mysql /var/lib/mysql-files /run/mysqld",),
        drop=(
            *UNREAD,
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
    official="mysql:9.7.4",
)

HAPROXY = ServerImage(
    name="haproxy",
    root=DebianRoot(
        suite="trixie",
        packages=("haproxy",),
        commands=(),
        # The changelog stays: a test reads in it that the fixes for dynamic servers are there.
        drop=(
            *(p for p in UNREAD if p != "/usr/share/doc/*"),
            "/usr/share/doc/[!h]*",
            "/usr/share/doc/haproxy/[!c]*",
        ),
    ),
    package="haproxy",
    command=("haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"),
    official="haproxy:3.0.11",
)

SERVERS = {image.name: image for image in (MYSQL, HAPROXY)}

PYTHON_VERSION = "3.13"
COMPILE = "-q -f --invalidation-mode unchecked-hash"
"""Options of `compileall`: byte code that depends on the source alone and is not checked again."""

UID = 65532
"""The user of our own containers: neither root nor any user of the machine."""

PYTHON_ROOT = DebianRoot(
    suite="trixie",
    packages=("python3",),
    commands=(
        f"echo 'pba:x:{UID}:{UID}::/nonexistent:/usr/sbin/nologin' >> /etc/passwd",
        f"echo 'pba:x:{UID}:' >> /etc/group",
        f"PYTHONHASHSEED=0 python3 -m compileall {COMPILE} /usr/lib/python{PYTHON_VERSION}",
    ),
    drop=(
        *UNREAD,
        f"/usr/lib/python{PYTHON_VERSION}/ensurepip",
        f"/usr/lib/python{PYTHON_VERSION}/pydoc_data",
        f"/usr/lib/python{PYTHON_VERSION}/test",
    ),
)


@dataclass(frozen=True)
class PythonImage:
    """A program of this project.

    Attributes:
        name: the image's name in `hack/images`.
        repository: the image's name for Kubernetes, without host and tag.
        project: the folder of its pyproject.toml, relative to the checkout.
        extra: the extra of that project whose dependencies the program needs; empty: its own dependencies.
        command: the script that the container runs.
        entry_point: the function that the script calls, as `module:function`.
        unused: parts of its dependencies that it never imports, as paths below the packages' folder.
    """

    name: str
    repository: str
    project: str
    extra: str
    command: str
    entry_point: str
    unused: tuple[str, ...]


PROGRAMS = {
    image.name: image
    for image in (
        PythonImage(
            name="operator",
            repository="pba-operator",
            project=".",
            extra="operator",
            command="pba-operator",
            entry_point="pba_operator.__main__:main",
            unused=("kubernetes/aio",),  # the client's asynchronous twin, as large as the client
        ),
        PythonImage(
            name="sync",
            repository="pba-sync",
            project=".",
            extra="sync",
            command="pba-sync",
            entry_point="pba_sync.__main__:main",
            unused=(),
        ),
        PythonImage(
            name="demoapp",
            repository="pba-demoapp",
            project="hack/demoapp",
            extra="",
            command="pba-demoapp",
            entry_point="pba_demoapp.__main__:main",
            unused=(),
        ),
    )
}


@dataclass(frozen=True)
class NativeImage:
    """A program that needs no other file, alone in an image; built with the cluster's programs.

    Attributes:
        name: the image's name in `hack/images` and for Kubernetes, and the program's in `hack/cluster binary`.
        entrypoint: what a container runs; its pod adds arguments.
    """

    name: str
    entrypoint: tuple[str, ...]


NATIVES = {
    image.name: image
    for image in (NativeImage(name="loadlab", entrypoint=("/usr/local/bin/loadlab", "application")),)
}
"""Images of the benches: nothing else needs them, so they are built only where they are named."""
