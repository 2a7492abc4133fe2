"""Response times by node, as Prometheus reads them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Container

from prometheus_client.parser import text_string_to_metric_families

from pba_sync.judging import tallies
from pba_sync.judging.answers import Answer
from pba_sync.judging.pasts import End
from pba_sync.judging.tallies import FAMILY, ResponseTimes


def lines(times: ResponseTimes) -> list[str]:
    return [
        line.removeprefix("pba_sync_response_seconds")
        for line in times.text().decode().splitlines()
        if line[0] != "#"
    ]


def test_prometheus_reads_it() -> None:
    times = ResponseTimes(lambda: None)
    times.add([Answer("a", End(20.0)), Answer("a", End(300.0))])
    (family,) = text_string_to_metric_families(times.text().decode())
    assert (family.name, family.type, family.documentation) == (
        FAMILY.name,
        "histogram",
        FAMILY.documentation,
    )
    told = {(sample.name, sample.labels.get("le")): sample.value for sample in family.samples}
    assert told == {
        ("pba_sync_response_seconds_bucket", "0.01"): 0,
        ("pba_sync_response_seconds_bucket", "0.05"): 1,
        ("pba_sync_response_seconds_bucket", "0.25"): 1,
        ("pba_sync_response_seconds_bucket", "1.0"): 2,
        ("pba_sync_response_seconds_bucket", "5.0"): 2,
        ("pba_sync_response_seconds_bucket", "+Inf"): 2,
        ("pba_sync_response_seconds_count", None): 2,
        ("pba_sync_response_seconds_sum", None): 0.32,
    }


def test_times_are_told_by_node_and_result() -> None:
    times = ResponseTimes(lambda: {"a", "b"})
    times.add(
        [Answer("a", End(20.0)), Answer("a", End(50.0)), Answer("a", End(700.0)), Answer("b", End(1e6))]
    )
    times.add([Answer("a", End(-1.0, failed=True, seconds=3.0)), Answer("a", End(5.0, failed=True))])
    told = lines(times)
    assert '_bucket{le="0.05",node="a",result="answered"} 2' in told, "a limit is in its bucket"
    assert '_count{node="a",result="answered"} 3' in told
    assert '_sum{node="a",result="answered"} 0.77' in told
    assert '_bucket{le="5.0",node="b",result="answered"} 0' in told
    assert '_bucket{le="+Inf",node="b",result="answered"} 1' in told
    assert '_bucket{le="0.01",node="a",result="failed"} 1' in told
    assert '_bucket{le="5.0",node="a",result="failed"} 2' in told
    assert not [line for line in told if 'node="b",result="failed"' in line]


def test_a_try_after_which_another_node_was_asked_is_told_apart() -> None:
    times = ResponseTimes(lambda: None)
    failed = End(-1.0, failed=True)
    times.add([Answer("a", failed, passed_on=True)] * 2 + [Answer("a", failed)])
    counts = [line for line in lines(times) if line.startswith("_count")]
    assert counts == ['_count{node="a",result="passed on"} 2', '_count{node="a",result="failed"} 1']


def test_a_node_that_has_gone_is_told_of_once_more() -> None:
    there: set[str] = {"a", "b"}
    times = ResponseTimes(lambda: there)
    times.add([Answer("a", End(20.0)), Answer("b", End(20.0))])
    there = {"b"}
    assert [line for line in lines(times) if 'node="a"' in line]
    assert not [line for line in lines(times) if 'node="a"' in line]
    assert [line for line in lines(times) if 'node="b"' in line]


def test_while_nobody_knows_the_nodes_nothing_is_dropped() -> None:
    times = ResponseTimes(lambda: None)
    times.add([Answer("a", End(20.0))])
    assert lines(times) == lines(times) != []


def test_without_prometheus_only_so_much_is_kept() -> None:
    there: Container[str] = {"n0"}
    times = ResponseTimes(lambda: there)
    for number in range(tallies.MANY + 1):
        times.add([Answer(f"n{number}", End(20.0))])
    assert {line.partition('node="')[2].partition('"')[0] for line in lines(times)} == {"n0"}


def test_a_thousand_nodes_take_less_than_a_mebibyte_and_three_more_to_be_told() -> None:
    times = ResponseTimes(lambda: None)
    answers = [Answer(f"shop-backend-{number}", End(20.0)) for number in range(1000)]
    tracemalloc.start()
    try:
        times.add(answers)
        kept, _ = tracemalloc.get_traced_memory()
        times.text()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2**20
    assert peak < 4 * 2**20
