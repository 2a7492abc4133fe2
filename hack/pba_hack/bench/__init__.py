"""`hack/bench NAME`: benches, each a list of cases; a case measures one promise and judges it.

How a case is added: a module in the bench's folder holds a `Case` (`case.py`), or several of one kind: its id, its
unit, its reach, what it measures in words, and a function that is given a `Trial` and returns samples (`samples.py`):
`Values` for seconds, bytes and counts, `Share` for a part of a whole, `SideBySide` for a ratio to a floor, which
`rounds.side_by_side` measures in turns. The bench's `cases.py` names the module's cases. All else is here: the verdict,
the record, the chart. `docs/how-to/add-a-bench-case.md` shows it by examples.

What must stay true: a case measures and never judges; what judges is pure (`reach.py`, `samples.py`, `verdict.py`)
and knows no case; the record is added to and never rewritten; nothing is told of a case that was not measured.
"""
