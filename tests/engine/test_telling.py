"""What companions on a cluster say in words: what a result of one machine says of the same pings."""

from __future__ import annotations

import pytest
from tests.engine.test_queries import made

import cotrace
from cotrace.engine import spark as on_spark

OPTIONS = cotrace.StayOptions(max_gap="50min", fill="forward")
AS_OF = "2021-11-03T12:00:00Z"
CASES = {"device": ["d003", "d017", "d003"], "as_of": [AS_OF, AS_OF, "2021-11-02T00:00:00Z"]}
RULE = cotrace.CompanionRule(min_shared="50min", min_cumulative="3h", lookback="4d")
ASKED = {"options": OPTIONS, "rule": RULE}


@pytest.fixture(scope="module")
def both(spark):
    """Return the result of one machine and that of the cluster, of pings."""
    pings = on_spark.read_pings(spark.createDataFrame(made(devices=40)).repartition(3).persist())
    found = on_spark.find_companions(pings, CASES, **ASKED)
    yield cotrace.find_companions(cotrace.read_pings(made(devices=40)), CASES, **ASKED), found
    found.unpersist()


def test_summary(both):
    local, found = both
    wanted, said = repr(local).splitlines(), found.summary().splitlines()
    # how one machine brought the pings in order is its own affair
    counts = [n for n, line in enumerate(wanted) if "rows" in line and "used" in line]
    assert len(counts) == 1
    wanted[counts[0]] = wanted[counts[0]].split(";")[0]
    said[counts[0]] = said[counts[0]].split(";")[0]
    assert said[:-1] == wanted
    assert said[-1].startswith("Not observed: cases have a cell for ")
    assert "Candidates from co-location, not contacts" in said[0]
    assert "crowd" in found.summary()


def test_repr_starts_nothing(both, spark):
    local, _ = both
    found = on_spark.find_companions(
        on_spark.read_pings(spark.createDataFrame(made(devices=40))), CASES, **ASKED
    )
    said = repr(found)
    assert "report" not in vars(found)
    for part in ("of 3 cases", "Candidates from co-location, not contacts", "crowd", "Not observed: cases"):
        assert part in said
    shares = [f"{share:.0%}" for share in local.coverage["observed_share"].to_pylist()]
    assert min(shares) in said
    assert max(shares) in said
    found.unpersist()


def test_explain(both):
    local, found = both
    listed = local.companions.to_pandas()
    listed = set(listed[listed["case_id"] == "d017"]["companion_id"])
    others = {f"d{k:03d}" for k in range(40)} - listed - {"d017"}
    assert listed
    assert others
    # two that are listed, one that is not, a case, and one that nobody has seen
    for companion in (*sorted(listed)[:2], min(others), "d003", "never"):
        wanted = local.explain("d017", companion)
        assert found.explain("d017", companion) == wanted
        assert "Not observed" in wanted
    told = sorted(listed)[0]
    assert found.explain("d017", told, audience="companion") == local.explain(
        "d017", told, audience="companion"
    )
    assert found.explain("d003", told, as_of=AS_OF) == local.explain("d003", told, as_of=AS_OF)


@pytest.mark.parametrize(
    ("case", "companion", "more"),
    [
        ("d001", "d002", {}),
        ("d003", "d002", {}),
        ("d003", "d003", {"as_of": AS_OF}),
        ("d017", 1.5, {}),
        ("d017", "d002", {"audience": "press"}),
    ],
)
def test_wrong_questions_are_refused_alike(both, case, companion, more):
    local, found = both
    with pytest.raises(cotrace.CotraceError) as wanted:
        local.explain(case, companion, **more)
    with pytest.raises(type(wanted.value)) as refused:
        found.explain(case, companion, **more)
    assert str(refused.value) == str(wanted.value)


def test_of_stays(both, spark):
    here = cotrace.find_stays(cotrace.read_pings(made(devices=40)), options=OPTIONS)
    pings = on_spark.read_pings(spark.createDataFrame(made(devices=40)))
    stays = on_spark.find_stays(pings, options=OPTIONS).persist()
    local, found = (ask(source, CASES, **ASKED) for ask, source in (
        (cotrace.find_companions, here), (on_spark.find_companions, stays)
    ))  # fmt: skip
    assert local.companions["companion_id"].to_pylist()
    for companion in (local.companions["companion_id"][0].as_py(), "d002", "never"):
        assert found.explain("d017", companion) == local.explain("d017", companion)
    found.unpersist()
    stays.unpersist()


def test_a_device_of_one_ping_was_seen(spark):
    table = {"device": [1, 1, 2], "time": [0, 1200, 600], "x": [1.0, 1.0, 1.0], "y": [1.0, 1.0, 1.0]}
    asked = {"as_of": "1970-01-02T00:00:00Z", "rule": cotrace.CompanionRule(min_cumulative=None)}
    local = cotrace.find_companions(cotrace.read_pings(table, unit="s"), [1], **asked)
    frame = spark.createDataFrame(list(zip(*table.values(), strict=True)), list(table))
    found = on_spark.find_companions(on_spark.read_pings(frame, unit="s"), [1], **asked)
    for device in (2, 3):
        assert found.explain(1, device) == local.explain(1, device)
    assert "never seen" in found.explain(1, 3)
    assert "never seen" not in found.explain(1, 2)
    found.unpersist()


def test_no_cases(spark):
    pings = on_spark.read_pings(spark.createDataFrame(made(devices=3)))
    found = on_spark.find_companions(pings, [], as_of=AS_OF, **ASKED)
    local = cotrace.find_companions(cotrace.read_pings(made(devices=3)), [], as_of=AS_OF, **ASKED)
    assert repr(local).splitlines()[-1] == found.summary().splitlines()[-1]
    assert "of 0 cases" in repr(found)
