"""The store on Spark: what a cluster writes one machine reads, and the other way round."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests.engine.conftest import assert_same
from tests.engine.test_queries import made

import cotrace
from cotrace.engine import spark as on_spark
from cotrace.errors import RefusedRowsError

OPTIONS = cotrace.StayOptions(max_gap="50min", fill="forward")


def test_a_store_of_one_machine_is_read(spark, tmp_path):
    table = made(seed=5, devices=30)
    store = cotrace.Store(tmp_path / "store", OPTIONS, buckets=3)
    middle = pa.scalar(1_635_811_200_000_000, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    for part in (pc.greater(table["time"], middle), pc.less_equal(table["time"], middle)):
        store.ingest(cotrace.read_pings(table.filter(part)))
    stays = on_spark.read_store(spark, store)
    assert_same(stays, store.stays())
    assert_same(stays, cotrace.find_stays(cotrace.read_pings(table), options=OPTIONS))
    store.forget(device="d003")
    local = store.stays()
    assert "d003" not in local.devices.to_pylist()
    assert_same(on_spark.occupancy(on_spark.read_store(spark, store)), cotrace.occupancy(local))


@pytest.mark.parametrize("smooth", [None, cotrace.PingPong("10min")])
def test_a_store_of_a_cluster_is_read_by_one_machine(spark, tmp_path, smooth):
    table = made(seed=6, devices=30)
    options = cotrace.StayOptions(max_gap="50min", fill="forward", smooth=smooth)
    pings = on_spark.read_pings(spark.createDataFrame(table).repartition(3))
    store = on_spark.write_store(pings, tmp_path / "spark", options=options, buckets=3)
    assert store.verify() == []
    local_pings = cotrace.read_pings(table)
    own = cotrace.Store(tmp_path / "own", options, buckets=3)
    report = own.ingest(local_pings)
    assert list(store.batches) == [report.batch]
    assert store.batches == own.batches
    wanted, found = cotrace.find_stays(local_pings, options=options), store.stays()
    assert found.to_arrow().equals(wanted.to_arrow())
    assert found.counts.as_dict() == own.stays().counts.as_dict()
    # the index too, by which cells are found
    cell = wanted.cells.values[:1]
    assert store.stays(cells=cell).to_arrow().equals(own.stays(cells=cell).to_arrow())
    # and it goes on from there: the same again changes nothing, a later file adds up
    assert store.ingest(local_pings).already
    late = made(seed=7, devices=40, days=2)
    store.ingest(cotrace.read_pings(late))
    both = cotrace.find_stays(cotrace.read_pings(pa.concat_tables([table, late])), options=options)
    assert store.stays().to_arrow().equals(both.to_arrow())
    with pytest.raises(cotrace.CotraceError, match="has pings already"):
        on_spark.write_store(pings, tmp_path / "spark", options=options)


def test_rows_that_cannot_be_used_are_told(spark, tmp_path):
    table = made(seed=8, devices=12)
    none = pa.nulls(table.num_rows, table.schema.field("device").type)
    lost = table.set_column(table.schema.get_field_index("device"), "device", none)
    with pytest.raises(RefusedRowsError, match=r"none of the [\d,]+ rows can be used: [\d,]+ no device"):
        on_spark.write_store(on_spark.read_pings(spark.createDataFrame(lost)), tmp_path / "store")
    assert cotrace.Store(tmp_path / "store").batches == {}
    # the folder is still that of an empty store
    some = spark.createDataFrame(pa.concat_tables([table, lost.slice(0, 7)]))
    with pytest.warns(cotrace.CotraceWarning, match=r"7 of [\d,]+ rows cannot be used: 7 no device"):
        store = on_spark.write_store(on_spark.read_pings(some), tmp_path / "store")
    assert store.stays().counts.as_dict()["refused"] == {"no device": 7}
    assert store.stays().to_arrow().equals(cotrace.find_stays(cotrace.read_pings(table)).to_arrow())
