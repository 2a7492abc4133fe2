"""What a cluster may have left on the machine is told from what changes there by itself."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pba_hack.cluster import traces


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
