"""Container images made without a container engine: from Debian packages and this project's wheel.

A machine that develops this project may have no Docker and reach no image registry; Debian's archive and the
Python package index are enough. What must stay true: the same inputs give the same bytes, and nothing is
fetched once cached.
"""
