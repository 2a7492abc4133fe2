"""What listens is read from the kernel's tables, and what a cluster left is told from what others opened meanwhile."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from pba_hack.cluster import listeners
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
