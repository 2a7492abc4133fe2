from __future__ import annotations

from pba_lab.shop import frontend_of, shop

from pba_api.types import PathLimits
from pba_operator.domain.frontend import paths, timing

LIMITS = (
    PathLimits("/report", 300, ""),
    PathLimits("/", None, "1k"),
    PathLimits("/report/upload", None, "10Mi"),
)


def test_nothing_is_said_without_paths() -> None:
    assert paths.frontend_rules(()) == paths.backend_rules(()) == []


def test_the_longest_prefix_comes_last_and_says_everything() -> None:
    said = [line for line in paths.frontend_rules(LIMITS) if "if path_" in line]
    assert said == [
        "http-request unset-var(txn.server_ms) if path_0",
        "http-request set-var(txn.body_bytes) int(1000) if path_0",
        "http-request set-var(txn.server_ms) int(300000) if path_1",
        "http-request unset-var(txn.body_bytes) if path_1",
        "http-request unset-var(txn.server_ms) if path_2",
        "http-request set-var(txn.body_bytes) int(10485760) if path_2",
    ]


def test_a_prefix_is_whole_segments() -> None:
    assert {line for line in paths.frontend_rules(LIMITS) if line.startswith("acl path_")} == {
        "acl path_0 always_true",
        "acl path_1 var(txn.path) -m str '/report'",
        "acl path_1 var(txn.path) -m beg '/report/'",
        "acl path_2 var(txn.path) -m str '/report/upload'",
        "acl path_2 var(txn.path) -m beg '/report/upload/'",
    }


def test_nodes_have_a_rule_only_where_a_path_has_a_time_limit() -> None:
    assert len(paths.backend_rules(LIMITS)) == 1
    assert paths.backend_rules(LIMITS[1:]) == []


def test_a_frontend_that_goes_waits_for_the_longest_of_them() -> None:
    cluster = shop(
        "default",
        {"paths": [{"prefix": "/report", "serverSeconds": 900}, {"prefix": "/a", "bodyMaxSize": "1"}]},
    )
    assert timing.client_drain_seconds(frontend_of(cluster)) == 935


def test_a_size_is_whole_bytes() -> None:
    assert [paths.size(PathLimits("/", None, text)) for text in ("", "1500m", "1Ki", "0.5")] == [
        None,
        1,
        1024,
        0,
    ]
