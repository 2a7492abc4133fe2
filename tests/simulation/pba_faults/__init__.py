"""A real API server behind a proxy that does to the operator what networks and API servers do.

What must stay true: what is written goes to the real API server, and its audit log is the judge. A fault is one that
a real API server, or the way to it, can show; where one goes further than that, its docstring says so. What is
random is drawn from a seed.
"""
