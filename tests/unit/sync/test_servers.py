from __future__ import annotations

import pytest
from pba_lab.model import HAProxyModel

from pba_sync.haproxy.errors import AnswerMalformedError
from pba_sync.haproxy.servers import Admin, Connects, count_connections, read_servers

# Taken from HAProxy 3.0.11-1+deb13u5.
STATE = """1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state \
bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr \
srv_agent_addr srv_agent_port
4 nodes 1 a 127.0.0.1 2 0 1 1 0 1 0 4 6 0 0 0 - 19001 - 0 0 - - 0
4 nodes 2 v6 ::1 0 1 1 1 0 1 0 0 2 0 0 0 - 19001 - 0 0 - - 0
4 nodes 3 leaving 127.0.0.1 2 8 1 1 3 15 3 4 6 0 0 0 - 19002 - 0 0 - - 0
4 nodes 4 dead 127.0.0.1 0 0 1 1 3 15 3 0 6 0 0 0 - 19003 - 0 0 - - 0


"""
CONNECTIONS = """# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb \
idle_lim idle_cur idle_per_thr[2]
nodes/a 4/1 127.0.0.1 19001 - 5000 0 0 0 0 0 -1 0 0 0
nodes/leaving 4/3 127.0.0.1 19002 - 5000 7 9 2 0 0 -1 0 0 0

"""


def test_haproxys_own_words_are_understood() -> None:
    servers = read_servers(STATE)
    assert [(s.name, s.address, s.port, s.admin, s.checked, s.up, s.usable) for s in servers.values()] == [
        ("a", "127.0.0.1", 19001, Admin.READY, True, True, True),
        ("v6", "::1", 19001, Admin.MAINT, False, False, False),
        ("leaving", "127.0.0.1", 19002, Admin.DRAIN, True, True, False),
        ("dead", "127.0.0.1", 19003, Admin.READY, True, False, False),
    ]


@pytest.mark.parametrize(
    ("result", "connects"), [(6, Connects.YES), (7, Connects.LATE), (8, Connects.NO), (15, Connects.YES)]
)
def test_a_check_says_whether_it_got_a_connection(result: int, connects: Connects) -> None:
    assert read_servers(STATE.replace(" 3 15 3 0 ", f" 3 {result} 3 0 "))["dead"].connects is connects


@pytest.mark.parametrize(
    ("bits", "admin"),
    [
        (0x00, Admin.READY),
        (0x01, Admin.MAINT),
        (0x02, Admin.MAINT),
        (0x04, Admin.MAINT),
        (0x20, Admin.MAINT),
        (0x08, Admin.DRAIN),
        (0x10, Admin.DRAIN),
        (0x09, Admin.MAINT),
    ],
)
def test_whoever_took_a_server_out_it_is_out(bits: int, admin: Admin) -> None:
    assert read_servers(STATE.replace("127.0.0.1 2 8 ", f"127.0.0.1 2 {bits} "))["leaving"].admin is admin


def test_connections_are_counted_by_server() -> None:
    servers = count_connections(read_servers(STATE), CONNECTIONS)
    assert {name: server.in_use for name, server in servers.items()} == {
        "a": 0,
        "v6": 0,
        "leaving": 7,
        "dead": 0,
    }


def test_no_servers_are_no_error() -> None:
    assert read_servers(HAProxyModel().ask("show servers state nodes")) == {}


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Can't find backend.\n\n",
        "2\n# be_id srv_name\n",
        "1\n",
        "1\n# be_id srv_name\n4 a\n",
        STATE.replace(" 19001 ", " port "),
    ],
)
def test_other_words_are_an_error(answer: str) -> None:
    with pytest.raises(AnswerMalformedError):
        read_servers(answer)


@pytest.mark.parametrize("answer", ["", "Can't find backend.\n\n", "# bkname/svname\nnodes/a\n"])
def test_other_words_on_connections_are_an_error(answer: str) -> None:
    with pytest.raises(AnswerMalformedError):
        count_connections(read_servers(STATE), answer)
