"""How much is carried is how much is answered well: what fails at once is not fast."""

from __future__ import annotations

import contextlib
from pathlib import Path

from pba_hack.bench.balancer.balancers import Balancer
from pba_hack.bench.balancer.equal import THROUGHPUT, Equal
from pba_hack.bench.balancer.load import serving
from pba_hack.bench.balancer.stage import Orders, Stage
from pba_hack.loopback import free_port


def test_a_balancer_that_only_fails_carries_nothing(tmp_path: Path) -> None:
    failing, well = (f"127.0.0.1:{free_port()}" for _ in range(2))
    with serving([failing], tmp_path / "failing") as nobody, serving([well], tmp_path / "well") as nodes:
        nobody.order("set", fail_share=1.0)
        stage = Stage(Orders("", THROUGHPUT.id, short=True, seed=1, folder=str(tmp_path)), nodes)
        equal = Equal(stage)
        assert equal.ask(lambda: contextlib.nullcontext(Balancer((failing,), ()))) == 0
        assert stage.loads.failed > 0
        assert equal.ask(lambda: contextlib.nullcontext(Balancer((well,), ()))) > 0
