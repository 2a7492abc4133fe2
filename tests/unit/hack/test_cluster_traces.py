"""What a cluster may have left is told from what changes by itself, and from what other programs open meanwhile."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pba_hack.cluster import listeners, traces
from pba_hack.cluster.listeners import Socket

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0
   1: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0 100 0 0 10 0
   2: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0 20 4 30 10 -1
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx rx tm re uid inode
   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 21 1
   1: 0000000000000000FFFF00000100007F:1F91 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 22 1
   2: B80D0120000000000000000001000000:1F92 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 23 1
"""
UDP = """\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  9: 00000000:2118 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 0 2 0 0
 10: 0100007F:D431 0100007F:0035 01 00000000:00000000 00:00000000 00000000     0        0 32 2 0 0
"""
UNIX = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 41 /run/some thing/one.sock
0000000000000000: 00000002 00000000 00010000 0001 01 42 @abstract
0000000000000000: 00000003 00000000 00000001 0001 03 43 /run/connected.sock
0000000000000000: 00000002 00000000 00010000 0001 01 44
"""

little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the tables are those of such a machine")


@little_endian
def test_only_what_listens_is_read_from_the_tables_of_tcp() -> None:
    found = sorted(listeners.parse_inet("tcp", TCP))
    assert found == [Socket("tcp", "0.0.0.0:2024", 12), Socket("tcp", "127.0.0.1:8080", 11)]
    assert [socket.is_reachable for socket in found] == [True, False]


@little_endian
def test_addresses_of_ipv6() -> None:
    found = {socket.inode: socket for socket in listeners.parse_inet("tcp6", TCP6)}
    assert [found[inode].address for inode in (21, 23)] == ["[::1]:8080", "[2001:db8::1]:8082"]
    assert {inode: socket.is_reachable for inode, socket in found.items()} == {21: False, 22: False, 23: True}


@little_endian
def test_a_socket_of_udp_that_is_connected_takes_nothing_from_others() -> None:
    assert listeners.parse_inet("udp", UDP) == {Socket("udp", "0.0.0.0:8472", 0)}


def test_unix_sockets_by_path_by_abstract_name_and_without_any() -> None:
    found = listeners.parse_unix(UNIX)
    assert found == {
        Socket("unix", "/run/some thing/one.sock", 41),
        Socket("unix", "@abstract", 42),
        Socket("unix", "", 44),
    }
    assert not any(socket.is_reachable for socket in found)


OLD = Socket("tcp", "0.0.0.0:22", 1)


@pytest.mark.parametrize(
    ("new", "left"),
    [
        (Socket("tcp", "127.0.0.1:2379", 7), True),
        (Socket("udp", "0.0.0.0:8472", 0), True),
        (Socket("unix", "/run/trial-1/containerd.sock", 9), True),
        (Socket("tcp", "127.0.0.1:8080", 9), False),
        (Socket("unix", "/run/another.sock", 9), False),
    ],
    ids=["held by the cluster", "the kernel's", "named after it", "another's", "another's unix socket"],
)
def test_a_socket_that_is_left_is_told_from_other_programs(new: Socket, left: bool) -> None:
    assert listeners.left_behind({OLD}, {OLD, new}, {1, 7}, "trial-1") == ({new} if left else set())


def test_a_real_socket_is_found_by_its_holder() -> None:
    before = listeners.listening()
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = "{}:{}".format(*server.getsockname())
        own = listeners.held([os.getpid()])
        during = listeners.listening()
    after = listeners.listening()

    def left(now: frozenset[Socket], own: set[int]) -> list[str]:
        found = listeners.left_behind(before, now, own, "no such name")
        return [socket.address for socket in found if socket.address == address]

    assert left(during, own) == [address]
    assert left(during, set()) == []
    assert left(after, own) == []


def test_processes_are_found_by_a_word_of_their_command_or_environment() -> None:
    word = f"word-{secrets.token_hex(8)}"
    waiting = ["-c", "print(flush=True); import sys; sys.stdin.read()"]
    for more, environment in (([word], {}), ([], {"WORD": word})):
        with subprocess.Popen(
            [sys.executable, *waiting, *more], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout
            process.stdout.readline()
            assert traces.processes_naming(word) == {process.pid}
            process.communicate()
    assert traces.processes_naming(word) == set()


def test_what_changes_by_itself_is_no_difference_and_an_empty_chain_is() -> None:
    first = [
        "# Generated on Monday",
        ":INPUT ACCEPT [12:345]",
        "default via fe80::1 dev e proto ra expires 17sec",
    ]
    second = [
        "# Generated on Tuesday",
        ":INPUT ACCEPT [99:999]",
        "default via fe80::1 dev e proto ra expires 3sec",
    ]
    assert traces.settled(first) == traces.settled(second)
    assert traces.settled([*first, ":KUBE-MARK-MASQ - [0:0]"]) != traces.settled(first)


@pytest.fixture
def inside() -> Iterator[list[str]]:
    """The beginning of commands that run in a network namespace of the test's own."""
    if os.geteuid() or not Path("/usr/bin/unshare").exists():
        pytest.skip("needs root and util-linux")
    with contextlib.ExitStack() as left:
        command = ["unshare", "--net", "sh", "-c", "ip link set lo up; echo; read -r _"]
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        left.enter_context(holder)
        assert holder.stdout
        holder.stdout.readline()
        yield ["nsenter", f"--target={holder.pid}", "--net"]
        holder.communicate(b"\n")


@pytest.mark.parametrize(
    "change",
    [
        "ip link add left0 type bridge",
        "ip address add 198.51.100.1/24 dev lo",
        "ip route add 198.51.100.0/24 dev lo table 77",
        "ip -6 route add 2001:db8::/64 dev lo table 77",
        "ip rule add from 198.51.100.7 lookup 77",
        "ip -6 rule add from 2001:db8::7 lookup 77",
        "iptables -t nat -N LEFT",
        "ip6tables -A INPUT -s 2001:db8::7 -j DROP",
        "nft add table inet left",
    ],
)
def test_what_is_left_in_the_network_shows(change: str, inside: list[str]) -> None:
    if not shutil.which(change.split(maxsplit=1)[0]):
        pytest.skip("the program is not here, so nothing can be left by it")
    look = [*inside, sys.executable, "-m", "pba_hack.cluster.traces"]
    tools = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).resolve().parents[3] / "hack")}

    def seen() -> set[str]:
        told = subprocess.run(look, env=tools, stdout=subprocess.PIPE, text=True, check=True).stdout
        return {line for line in told.splitlines() if not line.startswith(("files:", "groups:", "mounts:"))}

    before = seen()
    assert seen() == before
    subprocess.run([*inside, *change.split()], check=True)
    assert seen() != before
