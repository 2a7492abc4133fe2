from __future__ import annotations

import re
from typing import Any

import pytest
from pba_lab.shop import UID, shop

from pba_api.types import SessionAffinity
from pba_operator.domain.frontend import affinity, haproxy_cfg
from pba_operator.domain.model import Cluster
from pba_sync.haproxy.affinity import Affinity


def cluster(given: dict[str, Any] | None) -> Cluster:
    return shop("shop-space", affinity=given or {})


def affinity_of(made: Cluster) -> SessionAffinity:
    assert made.spec.frontend is not None
    return made.spec.frontend.session_affinity


def configuration(given: dict[str, Any] | None) -> str:
    return haproxy_cfg.render(cluster(given))


def test_by_default_clients_are_bound_by_a_cookie() -> None:
    assert "\n    cookie PBA insert indirect nocache httponly\n" in configuration(None)


def test_the_cookie_has_the_name_that_was_asked_for_wherever_it_is_spoken_of() -> None:
    text = configuration({"cookieName": "NODE-of_7"})
    assert "\n    cookie NODE-of_7 insert" in text
    assert "PBA=" not in text
    assert text.count("req.cook(NODE-of_7)") == 4


def test_without_affinity_no_word_of_it_is_left() -> None:
    text = configuration({"type": "None"})
    assert not re.search(r"(?i)cookie|cook\(|virt@left", text)
    assert "!{ req.hdr(Upgrade) -m found } { nbsrv(nodes) gt 0 }\n" in text


def test_a_trial_is_never_one_of_a_client_that_is_bound() -> None:
    text = configuration({})
    [rule] = [line for line in text.splitlines() if " set-var(txn.trial) str(" in line]
    assert rule.endswith(" !{ req.cook(PBA) -m found }")


def test_where_a_rule_binds_a_client_no_shared_cache_may_keep_the_answer() -> None:
    """HAProxy's own `nocache` is for the cookies that it gives by itself."""
    bound, private = (
        [
            line.partition(" if ")[2]
            for line in configuration({}).splitlines()
            if f"add-header {header} " in line
        ]
        for header in ("Set-Cookie", "Cache-Control")
    )
    assert len(bound) == 2
    assert private == bound


def test_with_tls_the_cookie_is_kept_off_plain_connections() -> None:
    settings = affinity_of(cluster({}))
    rules = affinity.cookie_rules(settings, UID, secure=True)
    assert "cookie PBA insert indirect nocache httponly secure attr SameSite=None" in rules
    assert '; path=/; HttpOnly; Secure; SameSite=None"' in "\n".join(rules)


REPLACED = [
    ("PBA=X", "PBA="),
    ("a=1; PBA=X; b=2", "a=1; PBA=; b=2"),
    ("a=1;PBA=X", "a=1;PBA="),
    ("XPBA=1; PBA=X", "XPBA=1; PBA="),
    ("PBA=X; PBAX=2", "PBA=; PBAX=2"),
]


@pytest.mark.parametrize(("sent", "passed"), REPLACED)
def test_of_all_cookies_only_this_one_is_emptied(sent: str, passed: str) -> None:
    [rule] = [line for line in configuration({}).splitlines() if "replace-header Cookie" in line]
    match = re.search(r"Cookie '(.*)' '(.*)' if", rule)
    assert match is not None
    pattern = match[1].replace("[[:blank:]]", r"[ \t]")
    assert re.sub(pattern, match[2], sent) == passed


def environment(given: dict[str, Any], drain_seconds: int = 30) -> dict[str, str]:
    made = cluster(given)
    return affinity.environment(affinity_of(made), drain_seconds, 5, made.uid)


def test_the_sidecar_is_told_how_clients_are_bound() -> None:
    assert environment({"leaveSlowNodeAfterMilliseconds": 800}) == {
        "PBA_AFFINITY": "Cookie",
        "PBA_IDENTITY_KEY": UID,
        "PBA_KEEP_SECONDS": "29",
        "PBA_MANAGEMENT_KEEP_SECONDS": "4",
        "PBA_LEAVE_SLOW_MILLISECONDS": "800",
    }


@pytest.mark.parametrize(("drain_seconds", "kept"), [(0, "0"), (1, "0"), (2, "1"), (60, "59")])
def test_clients_leave_a_node_that_goes_before_it_is_told_to_stop(drain_seconds: int, kept: str) -> None:
    assert environment({}, drain_seconds)["PBA_KEEP_SECONDS"] == kept


def test_without_affinity_a_node_that_goes_keeps_nobody() -> None:
    assert environment({"type": "None"})["PBA_KEEP_SECONDS"] == "0"


def test_an_identity_tells_nothing_of_the_node_and_differs_by_cluster() -> None:
    ours, theirs = Affinity("Cookie", UID), Affinity("Cookie", "another")
    names = [f"shop-backend-{number}" for number in range(1000)]
    identities = {ours.cookie(name) for name in names}
    assert len(identities) == 1000
    assert all(re.fullmatch(r"[0-9A-F]{16}", word) for word in identities)
    assert not identities & {theirs.cookie(name) for name in names}
    assert Affinity("None", UID).cookie("a") == ""


def test_by_their_addresses_clients_fall_on_a_ring() -> None:
    text = configuration({"type": "ClientIP"})
    assert "\n    balance source\n    hash-type consistent\n\n" in text
    assert "leastconn" not in text
    [rule] = [line for line in text.splitlines() if " set-var(txn.trial) str(" in line]
    assert rule.endswith(" !{ req.fhdr(Cookie) -m found }"), "without a cookie there is no session"
    assert environment({"type": "ClientIP"})["PBA_KEEP_SECONDS"] == "29"
