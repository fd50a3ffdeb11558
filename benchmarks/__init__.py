"""How fast the package is: against other packages, against the arithmetic, and as sizes grow.

``python -m benchmarks run`` measures and writes ``data/benchmarks.json`` and the book's page on speed.
"""
