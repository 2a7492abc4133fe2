"""A webhook that is away answers 500 for the objects that it is asked about; all others are brought to the spec."""

from __future__ import annotations

import pytest
from pba_simulation.bench import Bench, config_map

from pba_operator.domain.model import Apply
from pba_operator.kube import errors
from pba_operator.kube.store import Address


@pytest.mark.parametrize(
    ("code", "written"),
    [(500, ["APPLY ConfigMap/shop-b"]), (503, [])],
    ids=["at one object", "at everything"],
)
async def test_what_the_server_fails_at_keeps_nothing_else_from_being_done(
    bench: Bench, code: int, written: list[str]
) -> None:
    bench.wants(Apply(config_map()), Apply(config_map("shop-b")))

    def fail(verb: str, at: Address) -> None:
        if verb == "APPLY" and at.name == "shop-a":
            raise errors.ServerError("failed calling webhook", reason="InternalError", code=code)

    bench.api.before = fail
    with pytest.raises(errors.ServerError):
        await bench.reconcile()
    assert bench.written == written
