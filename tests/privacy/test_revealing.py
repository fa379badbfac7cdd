"""The way back from pseudonyms: with the key and the ids, and with nothing less."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from tests.companions.helpers import AS_OF, HOUR, pings_of, stay

import cotrace
from cotrace.errors import CotraceTypeError, OptionError, PrivacyError
from cotrace.privacy import Key, Pseudonymiser, pseudonymise, reveal

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")

KEY = Key(lambda: bytes(range(32)))
OTHER = Key(lambda: bytes(range(1, 33)))


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.large_string()], ids=str)
def test_back_is_what_was_there(kind):
    ids = pa.array([str(k) if kind == pa.large_string() else k for k in (7, 3, 3, None, 2**62)], kind)
    lists = pa.array([[ids[0].as_py()], [], None, [ids[1].as_py(), ids[4].as_py()], []], pa.list_(kind))
    table = pa.table({"device": ids, "path": lists, "n": [1, 2, 3, 4, 5]})
    columns = ["device", "path"]
    hidden = pseudonymise(table, key=KEY, domain="test", columns=columns)
    assert hidden["device"][1] == hidden["device"][2] != hidden["device"][0]
    for known in (ids, ids.drop_null().to_pylist()[::-1]):
        back = reveal(hidden, known, key=KEY, domain="test", columns=columns)
        assert back.to_pydict() == table.to_pydict()


def test_tables_are_sorted_by_the_ids_again():
    homes = [stay(name, 0, 31 * HOUR) for name in "ABCDEFGH"]
    found = cotrace.find_companions(pings_of(*homes), ["C", "A"], as_of=AS_OF)
    by = Pseudonymiser(KEY, domain="test")
    for table in (found.companions, found.evidence, found.funnel):
        back = reveal(pseudonymise(table, by=by), list("HGFEDCBA"), by=by)
        assert back.to_arrow().equals(table.to_arrow())


def test_numbers_that_were_written_in_several_ways():
    hidden = pseudonymise(
        pa.table({"device": ["138 0013 8000"]}), key=KEY, domain="t", e164="CN", columns=["device"]
    )
    back = reveal(hidden, ["+8613800138000"], key=KEY, domain="t", e164="CN", columns=["device"])
    assert back["device"].to_pylist() == ["+8613800138000"]


def test_nothing_is_put_back_by_halves():
    hidden = pseudonymise(pa.table({"device": ["a", "b", "b"]}), key=KEY, domain="test", columns=["device"])
    for ids, key, domain, digits in (
        (["a"], KEY, "test", 32),
        (["a", "b"], OTHER, "test", 32),
        (["a", "b"], KEY, "another", 32),
        (["a", "b"], KEY, "test", 16),
    ):
        with pytest.raises(PrivacyError, match=r"[23] of 3 pseudonyms are of none of the [12] ids"):
            reveal(hidden, ids, key=key, domain=domain, digits=digits, columns=["device"])


def test_what_it_cannot_take():
    table = pa.table({"device": [1]})
    with pytest.raises(OptionError, match="key= and domain="):
        reveal(table, [1])
    with pytest.raises(OptionError, match="leave these out"):
        reveal(table, [1], key=KEY, by=Pseudonymiser(KEY, domain="test"))
    with pytest.raises(OptionError, match="columns= is needed"):
        reveal(table, [1], key=KEY, domain="test")
    with pytest.raises(PrivacyError, match="type int64 has no pseudonyms"):
        reveal(table, [1], key=KEY, domain="test", columns=["device"])
    with pytest.raises(CotraceTypeError, match="dict"):
        reveal({"device": [1]}, [1], key=KEY, domain="test")


def test_whose_the_lesser_device_is_goes_along_with_it():
    """Of two devices the lesser pseudonym comes first: what is known of each must not stay behind."""
    rng = random.Random("persons")
    ids = rng.sample(range(1000), 12)
    pings = {"device": ids * 2, "time": [0] * 12 + [3000] * 12, "x": [1.0] * 24, "y": [1.0] * 24}
    stays = cotrace.find_stays(cotrace.read_pings(pings, unit="s"))
    rows = pa.concat_tables([pa.Table.from_batches([batch]) for batch in cotrace.pairs(stays)])
    known = cotrace.read_devices({"device": ids, "kind": [f"kind of {one}" for one in ids]})
    from cotrace.schema_meetings import PAIRS
    from cotrace.tables import Table

    said = cotrace.with_persons(Table(PAIRS, rows), known)
    by = Pseudonymiser(KEY, domain="test")
    hidden = pseudonymise(said, by=by)
    assert hidden.to_arrow().num_rows == 66
    kind_of = dict(zip(by.names_of(ids), (f"kind of {one}" for one in ids), strict=True))
    for end in ("a", "b"):
        assert hidden[f"{end}_kind"].to_pylist() == [kind_of[name] for name in hidden[end].to_pylist()]
    assert reveal(hidden, ids, by=by).to_arrow().drop_columns(["a_person", "b_person"]).to_pydict() == (
        said.to_arrow().drop_columns(["a_person", "b_person"]).to_pydict()
    )
