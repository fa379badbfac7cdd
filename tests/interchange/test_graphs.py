from __future__ import annotations

import networkx as nx
import pytest
import rustworkx as rx

import cotrace
from cotrace.demo import city_pings
from cotrace.errors import CotraceTypeError, SchemaError
from cotrace.interchange import to_networkx, to_rustworkx

AS_OF = "2021-11-03T00:00:00+08:00"


@pytest.fixture(scope="module")
def stays() -> cotrace.Stays:
    return cotrace.find_stays(cotrace.read_pings(city_pings(120)))


def test_an_edge_a_row(stays: cotrace.Stays) -> None:
    found = cotrace.contacts(stays, [101, 102], as_of=AS_OF)
    graph = to_networkx(found)
    rows = found.to_arrow().to_pylist()
    edges = list(graph.edges(data=True))
    assert isinstance(graph, nx.MultiDiGraph)
    assert [(a, b, d["shared_s"]) for a, b, d in edges] == [
        (r["case_id"], r["contact_id"], r["shared_s"])
        for case in (101, 102)
        for r in rows
        if r["case_id"] == case
    ]
    assert "Candidates" in graph.graph["note"]
    assert nx.get_node_attributes(graph, "is_case") == {101: True, 102: True}


def test_companions_and_their_evidence(stays: cotrace.Stays) -> None:
    found = cotrace.find_companions(stays, [101], as_of=AS_OF)
    assert to_networkx(found).number_of_edges() == len(found)
    assert to_networkx(found.evidence).number_of_edges() == len(found.evidence)
    assert nx.is_directed(to_networkx(found))


def test_rings_lead_along_the_chain(stays: cotrace.Stays) -> None:
    found = cotrace.rings(stays, [101], as_of=AS_OF, depth=2)
    graph = to_networkx(found)
    assert set(graph.nodes) == set(found["device"].to_pylist())
    hops = nx.single_source_shortest_path_length(graph, 101)
    assert hops == dict(zip(found["device"].to_pylist(), found["ring"].to_pylist(), strict=True))
    assert graph.nodes[101]["ring"] == 0


def test_pairs_have_no_direction(stays: cotrace.Stays) -> None:
    found = cotrace.pairs(stays, min_episodes=3)
    graph = to_networkx(found)
    assert not graph.is_directed()
    assert graph.number_of_edges() == sum(len(batch) for batch in found)


@pytest.mark.parametrize("what", ["contacts", "rings", "pairs"])
def test_rustworkx_has_the_same(what: str, stays: cotrace.Stays) -> None:
    found = {
        "contacts": lambda: cotrace.contacts(stays, [101], as_of=AS_OF),
        "rings": lambda: cotrace.rings(stays, [101], as_of=AS_OF, depth=2),
        "pairs": lambda: cotrace.pairs(stays, min_episodes=3),
    }[what]()
    one, two = to_networkx(found), to_rustworkx(found)
    assert isinstance(two, rx.PyGraph if what == "pairs" else rx.PyDiGraph)
    assert [{"device": n, **d} for n, d in one.nodes(data=True)] == list(two.nodes())
    names = [node["device"] for node in two.nodes()]
    ends = sorted if what == "pairs" else list  # an edge without a direction has no first end
    assert sorted(str((ends((a, b)), d)) for a, b, d in one.edges(data=True)) == sorted(
        str((ends((names[a], names[b])), d)) for a, b, d in two.weighted_edge_list()
    )
    assert two.attrs == one.graph


def test_what_is_not_about_two(stays: cotrace.Stays) -> None:
    with pytest.raises(SchemaError, match="a row of stays is not about two devices"):
        to_networkx(stays)
    with pytest.raises(CotraceTypeError, match="list is no result about pairs"):
        to_rustworkx([])
