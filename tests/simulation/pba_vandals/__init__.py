"""Vandals: who edits, strips, deletes and replaces what the operator has made, and watches what becomes of it.

What must stay true: what there is to destroy is read from the live objects and their `metadata.managedFields`, never
from a list that somebody keeps.
"""
