"""my.cnf, read as mysqld reads it: every value arrives as it was written, and ours win."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pba_api.mysql_options import is_settable
from pba_operator.domain.database import configuration
from pba_operator.domain.model import Cluster, Observed

MakeCluster = Callable[..., Cluster]
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "s": " ", '"': '"', "'": "'", "\\": "\\"}
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True)
VALUES = st.text(st.characters(codec="utf-8"), max_size=1024)


def _without_comment(line: str) -> str:
    quote, escaped = "", False
    for position, char in enumerate(line):
        if char in "'\"" and not escaped:
            if not quote:
                quote = char
            elif quote == char:
                quote = ""
        if not quote and char == "#":
            return line[:position]
        escaped = bool(quote) and char == "\\" and not escaped
    return line


def _unescaped(text: str) -> str:
    result, position = "", 0
    while position < len(text):
        char = text[position]
        if char == "\\" and position + 1 < len(text) and text[position + 1] in _ESCAPES:
            result += _ESCAPES[text[position + 1]]
            position += 2
        else:
            result += char
            position += 1
    return result


def mysqld_reads(text: str) -> dict[str, str]:
    """Return the options of [mysqld], as `search_default_file_with_ext` in mysys/my_default.cc reads them."""
    options: dict[str, str] = {}
    group = ""
    for line in text.split("\n"):
        assert len(line.encode()) < 4096
        stripped = line.strip(" \t\r\x0b\x0c")
        if not stripped or stripped[0] in "#;":
            continue
        assert stripped[0] != "!"
        if stripped[0] == "[":
            group = stripped[1 : stripped.index("]")]
            continue
        name, _equals, value = _without_comment(stripped).partition("=")
        value = value.strip(" \t\r\x0b\x0c")
        if len(value) > 1 and value[0] in "'\"" and value[0] == value[-1]:
            value = value[1:-1]
        assert group == "mysqld"
        options[name.strip()] = _unescaped(value)
    return options


@given(name=NAMES, value=VALUES)
def test_a_value_never_leaves_its_line(name: str, value: str) -> None:
    try:
        line = configuration.option(name, value)
    except ValueError:
        assert any(ord(char) < 32 or ord(char) == 127 for char in value) or len(value.encode()) > 1900
        return
    assert mysqld_reads(f"[mysqld]\n{line}\n# end\n") == {name: value}


def _my_cnf(cluster: Cluster) -> dict[str, str]:
    return mysqld_reads(configuration.my_cnf(cluster, Observed()))


def test_what_a_group_needs_is_there_from_the_first_start(cluster: MakeCluster) -> None:
    options = _my_cnf(cluster())
    assert (
        options.items()
        >= {
            "gtid_mode": "ON",
            "enforce_gtid_consistency": "ON",
            "log_bin": "binlog",
            "super_read_only": "ON",
            "plugin_load_add": "group_replication.so;mysql_clone.so",
            "loose_group_replication_start_on_boot": "OFF",
            "loose_group_replication_bootstrap_group": "OFF",
            "loose_group_replication_group_seeds": "shop-mysql-0.shop-mysql.default.svc:33061",
            "skip_name_resolve": "ON",
            "secure_file_priv": "NULL",
            "require_secure_transport": "OFF",
        }.items()
    )


def test_the_user_may_change_defaults_and_nothing_of_the_operators(cluster: MakeCluster) -> None:
    config = {
        "binlog_expire_logs_seconds": "60",
        "require_secure_transport": "ON",
        "max_connections": "500",
        "sql_mode": "",
    }
    options = _my_cnf(cluster(config=config))
    assert options.items() >= config.items()
    plain = _my_cnf(cluster())
    assert {name: options[name] for name in plain if name not in config} == {
        name: value for name, value in plain.items() if name not in config
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("datadir", "/x"),
        ("super_read_only", "OFF"),
        ("loose_super_read_only", "OFF"),
        ("skip_networking", "ON"),
        ("group_replication_group_name", "x"),
        ("ssl_key", "/x"),
        ("max-connections", "5"),
        ("[client]", "5"),
        ("max_connections", "5\nskip_grant_tables"),
        ("max_connections", "\0"),
        ("init_connect", "x" * 4000),
    ],
)
def test_what_is_not_the_users_or_does_not_fit_is_refused(name: str, value: str) -> None:
    config = {name: value, "max_allowed_packet": "64M"}
    assert configuration.refused(config) == [name]


@pytest.mark.parametrize("spelling", ["{}", "loose_{}", "skip_{}", "disable_{}", "enable_{}", "maximum_{}"])
def test_no_option_that_the_operator_sets_itself_is_the_users(cluster: MakeCluster, spelling: str) -> None:
    own = configuration._own(cluster(), Observed())
    assert len(own) > 20
    names = {spelling.format(name.removeprefix("loose_")) for name in own}
    assert [name for name in sorted(names) if is_settable(name)] == []


def test_server_ids_stay_and_leave_room_for_members(cluster: MakeCluster) -> None:
    base = configuration.server_id_base(cluster())
    assert base == configuration.server_id_base(cluster(uid="another", config={"max_connections": "5"}))
    assert base % 1000 == 0
    assert 1000 <= base <= 2**32 - 1000


@given(namespace=st.text(max_size=63), name=st.text(max_size=40))
def test_every_server_id_is_one(cluster: MakeCluster, namespace: str, name: str) -> None:
    made: Any = cluster()
    other = type(made)(namespace, name, made.uid, 1, False, (), made.spec, {})
    assert 1000 <= configuration.server_id_base(other) <= 2**32 - 1000


def test_an_option_that_is_longer_than_a_line_with_its_name_is_refused(cluster: MakeCluster) -> None:
    """One that was not refused here would end the planner: `my_cnf` raises."""
    name = "max_connections"
    longest = "x" * (4000 - len(f'{name} = ""'))
    assert configuration.refused({name: longest}) == []
    assert configuration.my_cnf(cluster(config={name: longest}), Observed())
    assert configuration.refused({name: longest + "x"}) == [name]
