"""The HAProxy that is in the image: fit for servers that come and go, and as our model of it says."""

from __future__ import annotations

import gzip
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pba_lab import HAProxyProcess
from pba_lab.bound import haproxy_left
from pba_lab.model import HAProxyModel
from pba_lab.shop import check_of, shop

from pba_api.fields import fields_of
from pba_api.types import Frontend
from pba_hack.images.rootfs import command, rootfs
from pba_operator.domain.frontend import haproxy_cfg
from pba_operator.domain.frontend.pages import KEYS, PAGE_MAX_BYTES
from pba_sync.haproxy import commands
from pba_sync.haproxy.affinity import Affinity
from pba_sync.haproxy.servers import count_connections, read_servers

SAFE_SINCE = (3, 0, 11)
"""The oldest that these tests have run with. Of older ones some crash when a server is deleted that is still used:
HAProxy's commits 95c4d2482 (its issue 2298), 1b8c5abee and 7a02fcaf2 (2733)."""


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


FRONTENDS: Sequence[Mapping[str, Any]] = (
    {},
    *({"sessionAffinity": {"type": kind}} for kind in ("Cookie", "ClientIP")),
    {"retries": {"budgetPercent": 0}},
    {"paths": [{"prefix": "/", "bodyMaxSize": "1Mi"}, {"prefix": "/it's/~a.b", "serverSeconds": 3600}]},
    {"retries": {"attempts": 10, "budgetPercent": 100}, "limits": {"requestsPerClientPerSecond": 1_000_000}},
    {"limits": {"requestsPerClient": 10_000}},
    {"limits": {"requestsPerClient": 1, "requestsPerClientPerSecond": 1}},
)


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_the_configuration_is_taken_without_a_word_in_every_family(
    render: Callable[..., str], frontend: Mapping[str, Any], folder: Path
) -> None:
    file = folder / "haproxy.cfg"
    file.write_text(render(frontend=frontend))
    assert_taken_without_a_word(file)


def assert_taken_without_a_word(file: Path) -> None:
    for pod_ips in ("10.0.0.1", "10.0.0.1,fd00::1", "fd00::1"):
        answer = run("-c", "-f", str(file), pod_ips=pod_ips)
        said = [line for line in answer.stderr.splitlines() if "[NOTICE]" not in line]
        assert (answer.returncode, said) == (0, []), answer.stderr


PLACES = st.integers(0, 2)
SERVERS = ("a", "shop-backend-7d9f8c6b5-x2k9q", "external_old_fd00::7:8080")
"""Such as pods and nodes outside of the cluster are called."""
NAMES = st.sampled_from(SERVERS)
CHECK = replace(check_of(shop("default")), interval_milliseconds=60_000)
"""The model makes no checks."""
EVERYTHING: dict[str, Any] = {
    "checks": {"intervalMilliseconds": 100, "timeoutMilliseconds": 60_000, "fall": 10, "rise": 10},
    "limits": {"requestsPerNode": 1, "requestsPerClient": 1, "requestsPerClientPerSecond": 1},
    "paths": [{"prefix": "/it's/~a.b", "bodyMaxSize": "1Mi", "serverSeconds": 3600}],
    "retries": {"attempts": 10, "budgetPercent": 100},
    "timeouts": {
        "connectMilliseconds": 100,
        **dict.fromkeys(("queueSeconds", "clientSeconds", "serverSeconds"), 1),
        "leaveSeconds": 600,
    },
    "sessionAffinity": {"type": "Cookie", "cookieName": "NODE-of_7"},
    "accessLog": "All",
    "trustedProxyCIDRs": ["10.0.0.0/8", "2001:db8::/32"],
    "proxyProtocol": "Accept",
    "access": {"allowCIDRs": ["0.0.0.0/0"], "denyCIDRs": ["::/0"]},
    "maintenance": True,
    "compression": True,
}
ELSEWHERE = {"image", "replicas", "pod", "balancing", "tls", "errorPages"}
"""Fields of which haproxy.cfg does not tell, and those of which other tests do: TLS and pages."""


def test_every_field_is_tried() -> None:
    assert EVERYTHING.keys() | ELSEWHERE == {field.json_name for field in fields_of(Frontend)}


@pytest.mark.parametrize("field", [*EVERYTHING, "all", "pages"])
def test_every_field_makes_a_configuration_that_is_taken_without_a_word(field: str, folder: Path) -> None:
    fields = EVERYTHING if field in ("all", "pages") else {field: EVERYTHING[field]}
    pages = dict.fromkeys(KEYS, "x" * PAGE_MAX_BYTES) if field == "pages" else {}
    cluster = shop("default", fields)
    prepared = HAProxyProcess(haproxy_cfg.render(cluster, pages), folder, haproxy_cfg.files(cluster, pages))
    assert_taken_without_a_word(prepared.file)


def test_an_haproxy_that_is_started_anew_in_a_pod_without_tls_takes_the_configuration_with_it(
    folder: Path,
) -> None:
    """Pods that were made before TLS was asked for have no certificates; the file is the same for all."""
    tls = {"secretRefs": [{"name": "a"}], "clientCASecretRef": {"name": "b"}, "redirect": True}
    file = folder / "haproxy.cfg"
    file.write_text(haproxy_cfg.render(shop("default", {"tls": tls})))
    for pod_ips in ("10.0.0.1", "10.0.0.1,fd00::1"):
        answer = run("-c", "-f", str(file), pod_ips=pod_ips)
        assert answer.returncode == 0, answer.stderr


COMMANDS = st.one_of(
    st.builds(
        commands.add_server,
        NAMES,
        st.sampled_from(("127.0.0.1", "::1")),
        st.just(1),
        st.just(CHECK),
        st.just(9),
        st.sampled_from((2, 16, 128)),
        st.builds(Affinity, st.sampled_from(("Cookie", "ClientIP", "None")), st.just("key")),
    ),
    st.just(commands.TAKE_TRIALS_BACK),
    st.builds(commands.leave, NAMES, NAMES),
    st.builds(commands.stay, NAMES),
    *(st.builds(make, PLACES, NAMES) for make in (commands.put_on_floor, commands.move_on_floor)),
    st.builds(commands.take_from_floor, PLACES),
    st.builds(commands.foresee, PLACES),
    st.builds(commands.size_floor, st.sampled_from((None, 1)), PLACES),
    *(
        st.builds(make, NAMES)
        for make in (
            commands.enable_health,
            commands.set_ready,
            commands.set_healthy,
            commands.set_unhealthy,
            lambda name: commands.set_weight(name, 7),
            lambda name: commands.set_weight(name, 0),
            lambda name: commands.set_limit(name, 5),
            commands.give_trial,
            commands.set_drain,
            commands.set_maintenance,
            commands.shutdown_sessions,
            commands.wait_removable,
            commands.delete_server,
        )
    ),
)


def entries(answer: str) -> list[list[str]]:
    """Return the keys and values of a map."""
    return [line.split(" ")[1:] for line in answer.split("\n") if line]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(COMMANDS, max_size=15))
@example(
    told=[
        commands.add_server("a", "127.0.0.1", 1, CHECK, 9, 16),
        *(make("a") for make in (commands.enable_health, commands.set_ready, commands.set_unhealthy)),
        *(make("a") for make in (commands.set_drain, commands.set_ready, commands.set_maintenance)),
        *(make("a") for make in (commands.set_drain, commands.set_unhealthy, commands.set_ready)),
    ]
)
def test_the_model_answers_as_haproxy_does(haproxy: HAProxyProcess, told: list[commands.Command]) -> None:
    model = HAProxyModel()
    for name in SERVERS:
        haproxy.ask(f"set server nodes/{name} state maint")
        haproxy.ask(f"del server nodes/{name}")
    for name in ("trials", "floor", "floor-size"):
        haproxy.ask(f"clear map virt@{name}")
    for word in haproxy_left(haproxy):
        haproxy.ask(commands.stay(word[0]).text)
    for order in told:
        assert model.ask(order.text).strip() == haproxy.ask(order.text).strip(), order.text
        assert [list(entry) for entry in model.left] == haproxy_left(haproxy), order.text
        pictures = []
        trials = [entries(side.ask(commands.SHOW_TRIALS.text)) for side in (model, haproxy)]
        assert trials == [[["node", name] for name in model.trials]] * 2, order.text
        for show in (commands.SHOW_FLOOR, commands.SHOW_FLOOR_SIZE):
            ours, theirs = (entries(side.ask(show.text)) for side in (model, haproxy))
            assert ours == theirs, order.text
        for side in (model, haproxy):
            servers = read_servers(side.ask("show servers state nodes"))
            servers = count_connections(servers, side.ask("show servers conn nodes"))
            pictures.append(
                {s.name: (s.address, s.port, s.admin, s.checked, s.up, s.weight) for s in servers.values()}
            )
        assert pictures[0] == pictures[1], order.text
