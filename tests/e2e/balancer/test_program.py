"""The HAProxy that is in the image: fit for servers that come and go, and as our model of it says."""

from __future__ import annotations

import gzip
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pba_lab import HAProxyProcess
from pba_lab.bound import haproxy_left
from pba_lab.model import HAProxyModel
from pba_lab.shop import shop

from pba_hack.images.rootfs import command, rootfs
from pba_operator.domain.frontend import haproxy_cfg
from pba_sync.balancer import commands
from pba_sync.balancer.affinity import Affinity
from pba_sync.balancer.servers import count_connections, read_servers

SAFE_SINCE = (3, 0, 11)
"""With the fixes of 2.2 in the research on load balancing; before it, dynamic servers can crash HAProxy."""


def run(*arguments: str, pod_ips: str = "10.0.0.1") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(rootfs("haproxy"), "/usr/sbin/haproxy", *arguments),
        capture_output=True,
        text=True,
        check=False,
        env={"PBA_POD_IPS": pod_ips},
    )


def test_the_version_is_one_that_is_safe_with_dynamic_servers() -> None:
    match = re.search(r"HAProxy version (\d+)\.(\d+)\.(\d+)", run("-v").stdout)
    assert match is not None
    version = tuple(map(int, match.groups()))
    assert version >= SAFE_SINCE
    assert version[:2] != (3, 2), "its leastconn starves a server that has recovered"
    changelog = gzip.decompress(
        (rootfs("haproxy") / "usr/share/doc/haproxy/changelog.Debian.gz").read_bytes()
    )
    assert changelog.startswith(b"haproxy (3.0.")


@pytest.fixture
def configuration() -> str:
    """haproxy.cfg with all the maps that the sidecar knows."""
    return haproxy_cfg.render(shop("default", affinity={"type": "Cookie"}))


@pytest.mark.parametrize("affinity", ["Cookie", "ClientIP", "None"])
def test_the_configuration_is_taken_without_a_word_in_every_family(affinity: str, folder: Path) -> None:
    file = folder / "haproxy.cfg"
    file.write_text(haproxy_cfg.render(shop("default", affinity={"type": affinity})))
    for pod_ips in ("10.0.0.1", "10.0.0.1,fd00::1", "fd00::1"):
        answer = run("-c", "-f", str(file), pod_ips=pod_ips)
        said = [line for line in answer.stderr.splitlines() if "[NOTICE]" not in line]
        assert (answer.returncode, said) == (0, []), answer.stderr


NAMES = st.sampled_from(("a", "b", "c"))
COMMANDS = st.one_of(
    st.builds(
        commands.add_server,
        NAMES,
        st.sampled_from(("127.0.0.1", "::1")),
        st.just(1),
        st.builds(Affinity, st.sampled_from(("Cookie", "ClientIP", "None")), st.just("key")),
    ),
    st.just(commands.TAKE_TRIALS_BACK),
    st.builds(commands.leave, NAMES, NAMES),
    st.builds(commands.stay, NAMES),
    *(
        st.builds(make, NAMES)
        for make in (
            commands.enable_health,
            commands.set_ready,
            commands.set_healthy,
            lambda name: commands.set_weight(name, 7),
            lambda name: commands.set_weight(name, 0),
            commands.give_trial,
            commands.set_drain,
            commands.set_maintenance,
            commands.shutdown_sessions,
            commands.wait_removable,
            commands.delete_server,
        )
    ),
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(COMMANDS, max_size=15))
def test_the_model_answers_as_haproxy_does(haproxy: HAProxyProcess, told: list[commands.Command]) -> None:
    model = HAProxyModel()
    for name in ("a", "b", "c"):
        haproxy.ask(f"set server nodes/{name} state maint")
        haproxy.ask(f"del server nodes/{name}")
    haproxy.ask(commands.TAKE_TRIALS_BACK.text)
    for word in haproxy_left(haproxy):
        haproxy.ask(commands.stay(word[0]).text)
    for order in told:
        assert model.ask(order.text).strip() == haproxy.ask(order.text).strip(), order.text
        assert [list(entry) for entry in model.left] == haproxy_left(haproxy), order.text
        pictures = []
        trials = [side.ask(commands.SHOW_TRIALS.text).split("\n") for side in (model, haproxy)]
        assert [[line.split(" ")[1:] for line in lines if line] for lines in trials].count(
            [["node", name] for name in model.trials]
        ) == 2, order.text
        for side in (model, haproxy):
            servers = read_servers(side.ask("show servers state nodes"))
            servers = count_connections(servers, side.ask("show servers conn nodes"))
            pictures.append(
                {s.name: (s.address, s.port, s.admin, s.checked, s.up, s.weight) for s in servers.values()}
            )
        assert pictures[0] == pictures[1], order.text
