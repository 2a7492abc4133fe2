"""An object that is edited again while its first edit is being undone is not left so."""

from __future__ import annotations

from pba_simulation.world import NAME, World, cluster

from pba_operator.kube import kinds
from pba_operator.kube.store import Address


async def test_an_edit_of_what_was_just_repaired_is_repaired_too() -> None:
    world = World()
    await world.start()
    world.create(cluster())
    await world.settle()
    edits = iter(("first", "second"))

    def edit() -> None:
        word = next(edits, None)
        if word is not None:
            live = world.edit("Service", NAME, metadata={"labels": {"app.kubernetes.io/managed-by": word}})
            world.engine.intake.event(kinds.BY_NAME["Service"], "MODIFIED", live)

    def again(verb: str, at: Address) -> None:
        if (verb, at.kind, at.name) == ("APPLY", "Service", NAME):
            edit()

    before = world.get("Service", NAME)
    assert before is not None
    world.api.after = again
    edit()
    await world.settle()
    after = world.get("Service", NAME)
    assert after is not None
    assert list(edits) == []
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
