"""Every field of every child that the operator sets, changed by somebody else: repaired, or told.

Misoperation (Acto, SOSP'23), the part of it that edits what the operator has made.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pba_faults.picture import differences, picture
from pba_vandals.edits import Edit, edits
from pba_vandals.fields import Field, fields, leaves
from pba_vandals.sweep import End, Outcome, tally
from pba_vandals.victim import Victim, makeable

from pba_api.identity import FIELD_MANAGER
from pba_operator.domain.model import ChildId
from pba_operator.domain.ownership import is_ours
from pba_operator.engine import restraint

Object = dict[str, Any]
REPAIR_SECONDS = 20.0



def test_x(victim: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    import time
    monkeypatch.setattr(restraint, "FREE_CORRECTIONS", 10**6)
    from pba_vandals.edits import is_key
    victim.vandal.patch(ChildId("Secret", "shop-mysql-tls"), [{"op": "remove", "path": "/metadata/labels/cost"}])
    victim.until(lambda: "cost" in victim.live(ChildId("Secret", "shop-mysql-tls"))["metadata"]["labels"], "x")
    live = victim.children()
    t = time.time()
    plan = {}
    later = []
    for l in live:
        fs = fields(l, FIELD_MANAGER)
        assert sum(not f.is_item for f in fs) == leaves(l, FIELD_MANAGER)
        es = [e for f in fs for e in edits(l, f) ]
        now = []
        for e in es:
            if e.place[0] in ("data", "type") and l["kind"] == "Secret" and l["metadata"]["name"] != "shop-config": continue
            if is_key(e.field) or not is_ours(victim.cluster, e.done_to(l)):
                later.append((l, e, fs))
            else: now.append(e)
        plan[ChildId.of(l)] = (l, now, fs)
    print(sum(len(x[1]) for x in plan.values()), len(later))
    def one(x, sec=5.0):
        l, now, fs = x
        out = []
        for e in now:
            t0 = time.time()
            try:
                o = victim.vandal.end_of(l, e, fs, sec)
            except BaseException as error:
                print(f"EXC {l['kind']} {l['metadata']['name']} {e} {error!r}\n", flush=True, end="")
                break
            dt = time.time() - t0
            d = o.detail[:200] if o.end is not End.REFUSED else o.detail[:100]
            print(f"{dt:.3f} {o.child.kind} {o.child.name} {o.edit} {o.end} {d}\n", flush=True, end="")
            out.append(o)
        return out
    with ThreadPoolExecutor(len(plan)) as pool:
        outcomes = [o for os in pool.map(one, plan.values()) for o in os]
    print(time.time() - t, tally(outcomes))
    print("LATER")
    for l, e, fs in later:
        one((l, [e], fs), 0.5)
    print(time.time() - t)
