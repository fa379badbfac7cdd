"""Exposure queries: what a tracer asks after "who are the companions?".

Every query takes stays and gives a table with its evidence; all of them find candidates from co-location.
"""

__all__: list[str] = []
