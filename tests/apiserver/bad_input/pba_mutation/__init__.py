"""Every leaf of the PBACluster's schema, changed in every way that we could think of, and what becomes of it.

The schema is walked as it is generated, so that a new field is under test on the day on which it is written.
"""
