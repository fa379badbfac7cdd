"""Who met whom as a graph: networkx and rustworkx."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from cotrace.errors import CotraceTypeError, SchemaError
from cotrace.exposure.pairs import Pairs
from cotrace.tables import HandsOn, Table

if TYPE_CHECKING:
    import networkx as nx
    import rustworkx as rx

__all__ = ["to_networkx", "to_rustworkx"]

#: the columns of the two ends of an edge, and whether it has a direction: from a case, or along a chain
_ENDS = (
    ("case_id", "companion_id", True),
    ("case_id", "contact_id", True),
    ("via", "device", True),
    ("a", "b", False),
    ("case_id", "device", True),
)


class _Graph(NamedTuple):
    """Nodes with what is known of them, edges with the rest of their row."""

    directed: bool
    nodes: dict[Any, dict[str, Any]]
    edges: Iterator[tuple[Any, Any, dict[str, Any]]]


def to_networkx(found: Any) -> nx.MultiDiGraph | nx.MultiGraph:
    """Return a result as a networkx graph: a node a device, an edge a row.

    Parameters
    ----------
    found : Companions, Table or Pairs
        Anything whose rows are about two devices: companions, contacts, pairs, travelling together, all evidence of
        meetings; or tiers and rings, where the edge leads from ``via`` to ``device``.

    Returns
    -------
    networkx.MultiDiGraph or networkx.MultiGraph
        Directed from a case, or along a chain; pairs have no direction. Nodes are device ids, those of cases have
        ``is_case=True``; nodes of tiers and rings have their row. Edges have the row's other columns. Needs the extra
        ``graph``.

    Raises
    ------
    SchemaError
        When the rows are not about two devices.

    Notes
    -----
    An edge says that two devices were in one place, not that two people know each other. A graph of a whole
    population is a map of who is near whom: keep no more of it than is needed.

    Examples
    --------
    >>> import cotrace
    >>> from cotrace.demo import city_pings
    >>> from cotrace.interchange import to_networkx
    >>> stays = cotrace.find_stays(cotrace.read_pings(city_pings(120)))
    >>> graph = to_networkx(cotrace.contacts(stays, [101], as_of="2021-11-03T00:00:00+08:00"))
    >>> graph.nodes[101], graph.out_degree(101) == graph.number_of_edges()
    ({'is_case': True}, True)
    """
    import networkx as nx

    parts = _graph(found)
    graph: nx.MultiDiGraph | nx.MultiGraph = nx.MultiDiGraph() if parts.directed else nx.MultiGraph()
    graph.graph["note"] = found.note if isinstance(found, (Table, Pairs)) else found._main.note
    graph.add_nodes_from(parts.nodes.items())
    graph.add_edges_from(parts.edges)
    return graph


def to_rustworkx(found: Any) -> rx.PyDiGraph | rx.PyGraph:
    """Return a result as a rustworkx graph; as :func:`to_networkx`, with the device id as ``node["device"]``.

    Parameters
    ----------
    found : Companions, Table or Pairs

    Returns
    -------
    rustworkx.PyDiGraph or rustworkx.PyGraph
        Payloads are dicts. Needs the extra ``graph``.

    Examples
    --------
    >>> import cotrace
    >>> from cotrace.interchange import to_rustworkx
    >>> met = cotrace.read_contacts({"a": [1, 2], "b": [2, 3], "started_at": ["2021-11-01T08:00+08:00"] * 2,
    ...                              "finished_at": ["2021-11-01T09:00+08:00"] * 2}, source="interview")
    >>> graph = to_rustworkx(met)
    >>> graph.num_nodes(), graph.num_edges(), [node["device"] for node in graph.nodes()]
    (3, 2, [1, 2, 3])
    """
    import rustworkx as rx

    parts = _graph(found)
    graph: rx.PyDiGraph | rx.PyGraph = rx.PyDiGraph() if parts.directed else rx.PyGraph()
    graph.attrs = {"note": found.note if isinstance(found, (Table, Pairs)) else found._main.note}
    numbers = graph.add_nodes_from([{"device": device, **known} for device, known in parts.nodes.items()])
    at = dict(zip(parts.nodes, numbers, strict=True))
    graph.add_edges_from([(at[a], at[b], row) for a, b, row in parts.edges])
    return graph


def _graph(found: Any) -> _Graph:
    if isinstance(found, Pairs):
        import pyarrow as pa

        data, columns, name = (
            pa.Table.from_batches(iter(found), found.arrow_schema),
            found.schema.names,
            "pairs",
        )
    elif isinstance(found, (Table, HandsOn)):
        table = found if isinstance(found, Table) else found._main
        data, columns, name = table.to_arrow(), table.columns, table.schema.name
    else:
        raise CotraceTypeError(f"{type(found).__name__} is no result about pairs of devices")
    ends = next(((a, b, way) for a, b, way in _ENDS if a in columns and b in columns), None)
    if ends is None:
        raise SchemaError(f"a row of {name} is not about two devices: it has {', '.join(columns)}")
    source, target, directed = ends
    rows = data.to_pylist()
    return _Graph(directed, _nodes(rows, source, target), _edges(rows, source, target))


def _nodes(rows: list[dict[str, Any]], source: str, target: str) -> dict[Any, dict[str, Any]]:
    nodes: dict[Any, dict[str, Any]] = {}
    chains = source == "via"
    for row in rows:
        for end in (source, target):
            if row[end] is not None:
                nodes.setdefault(row[end], {"is_case": True} if end == "case_id" else {})
        if chains and "path" in row:  # a row of tiers and rings is what is known of a device
            nodes[row[target]] |= {k: v for k, v in row.items() if k not in (source, target)}
    for row in rows:
        if source == "case_id":
            nodes[row[source]]["is_case"] = True
    return nodes


def _edges(rows: list[dict[str, Any]], source: str, target: str) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    for row in rows:
        if row[source] is not None and row[target] is not None:
            yield row[source], row[target], {k: v for k, v in row.items() if k not in (source, target)}
