"""Mutation testing of the planner: does a test fail for each small change of `pba_operator.domain`?

mutmut makes the mutants: it puts all mutants of a function beside it and chooses one as it is called. What runs them
is ours: mutmut takes a module's name from its path, which `operator/` is not part of, and collects the tests anew for
each of thousands of mutants (measured here: 2 s of processor time each); we collect once and fork for each.
"""
