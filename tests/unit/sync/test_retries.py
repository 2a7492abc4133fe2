from __future__ import annotations

import pytest

from pba_sync.haproxy.errors import AnswerMalformedError
from pba_sync.haproxy.retries import Budget, failures, read_budget, read_redispatches

TABLE = """# table: retries, type: integer, size:1, used:1
0x7f5951c831f0: key=0 use=0 exp=0 shard=0 http_req_rate(10000)=80 gpc0=40 gpc1=7 gpc0_rate(10000)=4 gpc1_rate(10000)=2

"""
EMPTY = "# table: retries, type: integer, size:1, used:0\n\n"
SERVERS = "# pxname,svname,qcur,wretr,wredis,status,\nnodes,a,0,1,2,UP,\nnodes,b,0,4,0,UP,\n\n"


def test_the_budget_is_read_from_the_table() -> None:
    assert read_budget(TABLE) == Budget(spent=40, refused=7)
    assert read_budget(EMPTY) == Budget()


@pytest.mark.parametrize("answer", ["", "No such table\n", "# table: retries\n0x1: key=0 gpc0=1\n"])
def test_what_is_no_table_of_retries_is_an_error(answer: str) -> None:
    with pytest.raises(AnswerMalformedError):
        read_budget(answer)


def test_tries_that_went_on_to_another_node_are_counted_by_the_one_that_failed() -> None:
    assert read_redispatches(SERVERS) == {"a": 2, "b": 0}
    assert read_redispatches("# pxname,svname,wredis,\n\n") == {}


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "No such backend.\n",
        "# pxname,svname,wretr,\n",
        "# svname,wredis,\na,x,\n",
        "# svname,wredis\na\n",
    ],
)
def test_what_counts_no_redispatches_is_an_error(answer: str) -> None:
    with pytest.raises(AnswerMalformedError):
        read_redispatches(answer)


def test_failures_are_what_was_added_since_and_all_of_a_server_that_is_another_one() -> None:
    before = {"same": 3, "more": 3, "anew": 9, "gone": 5}
    after = {"same": 3, "more": 5, "anew": 2, "new": 4, "idle": 0}
    assert failures(before, after) == {"more": 2, "anew": 2, "new": 4}
